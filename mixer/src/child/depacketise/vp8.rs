//! VP8 payload descriptor (RFC 7741 §4.2) and frame tag (RFC 6386 §9.1).

/// The VP8 data of one packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// First packet of a frame: start of partition 0.
    pub(super) begins_frame: bool,
    /// Without the descriptor.
    pub(super) data: &'a [u8],
}

/// Splits the descriptor off; `None` when it is cut short.
pub(super) fn parse(payload: &[u8]) -> Option<Part<'_>> {
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(1)?;
        at = 2;
        if extension & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 }; // picture id of 15 or 7 bits
        }
        if extension & 0x40 != 0 {
            at += 1; // TL0PICIDX
        }
        if extension & 0x30 != 0 {
            at += 1; // TID, Y, KEYIDX
        }
    }
    let data = payload.get(at..).filter(|data| !data.is_empty())?;
    Some(Part { begins_frame: first & 0x10 != 0 && first & 0x07 == 0, data })
}

/// The frame tag's lowest bit is 0 for a keyframe.
pub(super) fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|tag| tag & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_optional_field_is_skipped() {
        // X, S; then I (15 bits), L, T.
        let payload = [0x90, 0xe0, 0x81, 0x23, 9, 0x40, 0xaa, 0xbb];
        assert_eq!(parse(&payload), Some(Part { begins_frame: true, data: &[0xaa, 0xbb] }));
    }

    #[test]
    fn a_later_partition_does_not_begin_a_frame() {
        assert_eq!(parse(&[0x11, 5]), Some(Part { begins_frame: false, data: &[5] }));
    }

    #[test]
    fn a_descriptor_cut_short_is_refused() {
        let payload = [0x90, 0xe0, 0x81, 0x23, 9, 0x40];
        for length in 0..=payload.len() {
            assert_eq!(parse(&payload[..length]), None);
        }
    }
}
