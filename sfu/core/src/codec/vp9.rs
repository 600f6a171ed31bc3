//! The VP9 payload descriptor (RFC 9628 §4.2) and the rewrite of its picture ids.

use super::PictureId;
use super::layer::{Indication, Indications, LayerFrame, LayerId, LayerSet};

/// The descriptor of one packet, without its scalability structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9Descriptor {
    /// Picture id and its width.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: running number of the pictures of the lowest temporal layer (non-flexible mode only).
    pub tl0_picture: Option<u8>,
    /// The picture depends on earlier ones (P).
    pub is_predicted: bool,
    /// The packet starts a layer frame (B).
    pub starts_frame: bool,
    /// The packet ends a layer frame (E).
    pub ends_frame: bool,
    /// Spatial layer, uncut.
    pub spatial: u8,
    /// Temporal layer, uncut.
    pub temporal: u8,
    /// From here on frames of higher temporal layers depend on nothing before this picture (U).
    pub switches_up: bool,
    /// The layer frame depends on the one below it (D).
    pub is_inter_layer: bool,
    /// Bit n: it refers to the picture n + 1 before (flexible mode).
    pub picture_references: u8,
    /// Length of the descriptor: where the VP9 payload starts.
    pub len: u16,
}

impl Vp9Descriptor {
    /// Reads the descriptor; `None` when it is cut, or refers to more pictures than it may.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &first = payload.first()?;
        let has = |bit: u8| first & bit != 0;
        let flexible = has(0x10);
        let mut descriptor = Self {
            picture_id: None,
            tl0_picture: None,
            is_predicted: has(0x40),
            starts_frame: has(0x08),
            ends_frame: has(0x04),
            spatial: 0,
            temporal: 0,
            switches_up: false,
            is_inter_layer: false,
            picture_references: 0,
            len: 0,
        };
        let mut at = 1;
        if has(0x80) {
            let id = PictureId::read(payload.get(at..)?)?;
            at += id.size();
            descriptor.picture_id = Some(id);
        }
        if has(0x20) {
            let &layers = payload.get(at)?;
            at += 1;
            descriptor.temporal = layers >> 5;
            descriptor.switches_up = layers & 0x10 != 0;
            descriptor.spatial = layers >> 1 & 0x07;
            descriptor.is_inter_layer = layers & 0x01 != 0;
            if !flexible {
                descriptor.tl0_picture = Some(*payload.get(at)?);
                at += 1;
            }
        }
        if flexible && descriptor.is_predicted {
            at = descriptor.read_references(payload, at)?;
        }
        if has(0x02) {
            at = skip_structure(payload, at)?;
        }
        payload.get(at..)?;
        descriptor.len = u16::try_from(at).ok()?;
        Some(descriptor)
    }

    /// Up to three P_DIFFs, each with a bit that says whether another follows.
    fn read_references(&mut self, payload: &[u8], mut at: usize) -> Option<usize> {
        for _ in 0..MAX_REFERENCES {
            let &byte = payload.get(at)?;
            at += 1;
            // A reference to itself (0) means nothing; one further back than eight is not kept.
            if let Some(bit) = (byte >> 1).checked_sub(1) {
                self.picture_references |= 1_u8.checked_shl(bit.into()).unwrap_or(0);
            }
            if byte & 1 == 0 {
                return Some(at);
            }
        }
        None
    }

    /// True when the packet starts a picture that depends on no other.
    #[must_use]
    pub const fn starts_keyframe(&self) -> bool {
        !self.is_predicted && self.starts_frame && self.spatial == 0
    }

    /// What the frame is to each decode target; `picture` is the picture id with roll-overs.
    ///
    /// The descriptor does not tell which frames of lower spatial layers a target can do without, so that all
    /// of them count as part of it, and a picture is sent up to one layer: layers change at its lowest frame.
    #[must_use]
    pub fn layer_frame(&self, picture: u32) -> LayerFrame {
        let layer = LayerId::new(self.spatial, self.temporal);
        let can_switch =
            layer.spatial == 0 && (!self.is_predicted || layer.temporal == 0 || self.switches_up);
        let mut indications = Indications::default();
        for target in LayerId::all() {
            let is_part = target.spatial >= layer.spatial && target.temporal >= layer.temporal;
            indications.set(
                target,
                match (is_part, can_switch) {
                    (false, _) => Indication::NotPresent,
                    (true, true) => Indication::Switch,
                    (true, false) => Indication::Required,
                },
            );
        }
        let mut references = u32::from(self.is_inter_layer && self.spatial > 0);
        for back in (0..8).filter(|back| self.picture_references & 1 << back != 0) {
            references |= 1 << ((back + 1) * FRAMES_PER_PICTURE - 1);
        }
        LayerFrame {
            number: picture.wrapping_mul(FRAMES_PER_PICTURE).wrapping_add(layer.spatial.into()),
            references,
            indications,
            active: LayerSet::ALL,
            layer,
            is_independent: !self.is_predicted && self.spatial == 0,
            ends_frame: self.ends_frame,
            structure: 0,
        }
    }

    /// Overwrites the ids in a copy of the payload that this descriptor was read from.
    ///
    /// The widths stay; a field that the descriptor lacks is left out.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_picture: u8) {
        let mut at = 1;
        if let Some(id) = self.picture_id {
            id.write(picture_id, &mut payload[at..]);
            at += id.size();
        }
        if self.tl0_picture.is_some() {
            payload[at + 1] = tl0_picture;
        }
    }

    /// Bytes of the payload that [`Self::rewrite`] may change: flags, picture id, layers, TL0PICIDX.
    #[must_use]
    pub fn rewritten_len(&self) -> usize {
        1 + self.picture_id.map_or(0, PictureId::size) + if self.tl0_picture.is_some() { 2 } else { 0 }
    }
}

/// Passes over the scalability structure (RFC 9628 §4.2.1).
fn skip_structure(payload: &[u8], mut at: usize) -> Option<usize> {
    let &head = payload.get(at)?;
    at += 1;
    if head & 0x10 != 0 {
        // Width and height of each spatial layer.
        at += 4 * (usize::from(head >> 5) + 1);
    }
    if head & 0x08 != 0 {
        let &pictures = payload.get(at)?;
        at += 1;
        for _ in 0..pictures {
            let &picture = payload.get(at)?;
            at += 1 + usize::from(picture >> 2 & 0x03);
        }
    }
    Some(at)
}

/// RFC 9628 §4.2: "up to three times".
const MAX_REFERENCES: usize = 3;

/// Numbers of layer frames that a picture takes: one for each spatial layer, and a spare for round numbers.
const FRAMES_PER_PICTURE: u32 = 4;
