//! `CODECS` strings (RFC 6381) from sample entries.
//!
//! Reads `avcC` and `esds`; guesses nothing: an encoder may write another profile than it was asked for
//! (x264 at `ultrafast` always writes constrained baseline), and players refuse a rendition whose string is
//! wrong.

use crate::fmp4::{Fmp4Error, Mp4Box, TrackKind, descend};

/// Kind and codec string of one entry of `stsd`.
pub(crate) fn read_sample_entry(entry: Mp4Box<'_>) -> Result<(TrackKind, String), Fmp4Error> {
    match &entry.kind {
        b"avc1" | b"avc3" => {
            let (fields, boxes) =
                entry.body.split_at_checked(VISUAL_ENTRY_LEN).ok_or(Fmp4Error::Short("avc1"))?;
            let pixels = |at: usize| u16::from_be_bytes([fields[at], fields[at + 1]]);
            let kind = TrackKind::Video { width: pixels(24), height: pixels(26) };
            let name = String::from_utf8_lossy(&entry.kind).into_owned();
            Ok((kind, format!("{name}.{}", avc_profile(descend(boxes, &["avcC"])?)?)))
        }
        b"mp4a" => {
            let (fields, boxes) =
                entry.body.split_at_checked(AUDIO_ENTRY_LEN).ok_or(Fmp4Error::Short("mp4a"))?;
            let kind = TrackKind::Audio { channels: u16::from_be_bytes([fields[16], fields[17]]) };
            Ok((kind, format!("mp4a.40.{}", audio_object_type(descend(boxes, &["esds"])?)?)))
        }
        other => Err(Fmp4Error::UnknownSampleEntry(*other)),
    }
}

/// Profile, compatibility and level as six hex digits (ISO/IEC 14496-15 §5.3.3.1, RFC 6381 §3.3).
fn avc_profile(avcc: &[u8]) -> Result<String, Fmp4Error> {
    let [_version, profile, compatibility, level, ..] = *avcc else {
        return Err(Fmp4Error::Short("avcC"));
    };
    Ok(format!("{profile:02x}{compatibility:02x}{level:02x}"))
}

/// The MPEG-4 audio object type: first five bits of the DecoderSpecificInfo, or 32 + the next six
/// (ISO/IEC 14496-3 §1.6.2.1).
fn audio_object_type(esds: &[u8]) -> Result<u8, Fmp4Error> {
    const SHORT: Fmp4Error = Fmp4Error::Short("esds");
    let descriptors = esds.get(4..).ok_or(SHORT)?;
    // ES_Descriptor: id and flags; with these encoders no optional field follows (14496-1 §7.2.6.5).
    let es = descriptor(descriptors, 0x03).ok_or(SHORT)?.get(3..).ok_or(SHORT)?;
    // DecoderConfigDescriptor: 13 bytes of type, buffer size and bit rates (§7.2.6.6).
    let config = descriptor(es, 0x04).ok_or(SHORT)?.get(13..).ok_or(SHORT)?;
    let [first, second, ..] = *descriptor(config, 0x05).ok_or(SHORT)? else {
        return Err(SHORT);
    };
    match first >> 3 {
        31 => Ok(32 + ((first & 0x07) << 3 | second >> 5)),
        object_type => Ok(object_type),
    }
}

/// Body of the first descriptor with this tag: a size of up to four bytes of seven bits (§8.3.3).
fn descriptor(mut bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&tag, mut rest) = bytes.split_first()?;
        let mut size = 0_usize;
        for _ in 0..4 {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            size = size << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = rest.get(..size)?;
        if tag == wanted {
            return Some(body);
        }
        bytes = &rest[size..];
    }
}

/// ISO/IEC 14496-12 §12.1.3.2: fixed fields of a VisualSampleEntry, box header excluded.
const VISUAL_ENTRY_LEN: usize = 78;

/// ISO/IEC 14496-12 §12.2.3.2: fixed fields of an AudioSampleEntry (version 0), box header excluded.
const AUDIO_ENTRY_LEN: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_string_is_read_from_the_avcc() {
        assert_eq!(avc_profile(&[1, 0x42, 0xc0, 0x1f, 0xff]).as_deref(), Ok("42c01f"));
        assert_eq!(avc_profile(&[1, 0x42]), Err(Fmp4Error::Short("avcC")));
    }

    #[test]
    fn the_audio_object_type_is_read_through_long_and_short_sizes() {
        let specific = [0x05, 2, 0x11, 0x90];
        let mut config = vec![0x04, 0x80, 0x80, 0x80, 17];
        config.extend([0; 13]);
        config.extend(specific);
        let mut esds = vec![0, 0, 0, 0, 0x03, 3 + 22, 0, 1, 0];
        esds.extend(config);
        assert_eq!(audio_object_type(&esds), Ok(2));
        for cut in 0..esds.len() {
            assert!(audio_object_type(&esds[..cut]).is_err(), "cut at {cut}");
        }
    }
}
