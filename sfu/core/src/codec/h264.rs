//! Where an H264 key frame starts (RFC 6184 §5).

/// NAL unit types (ITU-T H.264 table 7-1, RFC 6184 table 1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// True when the packet starts an access unit that a decoder can begin with.
///
/// Encoders put the SPS in front of each IDR, alone, in a STAP-A, or as the first fragment; an IDR that
/// comes without one counts too, because some encoders send parameter sets once.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else { return false };
    match first & 0x1f {
        IDR | SPS => true,
        STAP_A => aggregated_types(&payload[1..]).any(|kind| kind == IDR || kind == SPS),
        // RFC 6184 §5.8: the S bit marks the first fragment.
        FU_A => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && matches!(fu & 0x1f, IDR | SPS)),
        _ => false,
    }
}

/// Types of the units in a STAP-A body: 16-bit length, unit, and so on (RFC 6184 §5.7.1).
fn aggregated_types(mut body: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (&len, rest) = body.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes(len));
        let &head = rest.first().filter(|_| len > 0)?;
        body = rest.get(len..).unwrap_or_default();
        Some(head & 0x1f)
    })
}
