//! Where an AV1 coded video sequence starts (AV1 RTP specification §4.4).

/// True when the N bit of the aggregation header is set: the packet is the first of a new sequence.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0)
}
