//! Where a VP9 key picture starts (RFC 9628 §4.2).

/// True when the packet starts a picture that depends on no other: P is 0, B is 1, and it is of the lowest
/// spatial layer.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else { return false };
    let (has_picture_id, predicted, has_layer, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x08 != 0);
    if predicted || !begins {
        return false;
    }
    if !has_layer {
        return true;
    }
    let layer_at = match (has_picture_id, payload.get(1)) {
        (false, _) => 1,
        (true, Some(id)) if id & 0x80 != 0 => 3,
        (true, Some(_)) => 2,
        (true, None) => return false,
    };
    payload.get(layer_at).is_some_and(|layer| layer >> 1 & 0x07 == 0)
}
