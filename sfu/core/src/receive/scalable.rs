//! ⑤ The layers of one stream of VP9 or AV1: its structure, its frame numbers, and what each target takes.

use std::time::{Duration, Instant};

use super::{MAX_ENCODINGS, MAX_TEMPORAL};
use crate::bwe::{Bitrate, RateMeter};
use crate::codec::dependency::{Descriptor, DescriptorError, Structure};
use crate::codec::layer::{Indication, LayerFrame, LayerId, MAX_SPATIAL};
use crate::codec::{PictureId, Vp9Descriptor};

const _: () = assert!(MAX_SPATIAL == MAX_ENCODINGS, "a spatial layer counts as an encoding");

/// One stream's layers.
#[derive(Debug)]
pub(crate) struct Scalable {
    /// The newest structure, and how many there were, round and round.
    structure: Option<Box<Structure>>,
    version: u8,
    active_targets: u32,
    /// Highest frame or picture number, with roll-overs.
    highest: Option<u32>,
    /// By [`LayerId`]: of all that its decode target needs.
    rates: [[RateMeter; MAX_TEMPORAL]; MAX_SPATIAL],
    /// When a frame of the spatial layer itself came last.
    seen: [Option<Instant>; MAX_SPATIAL],
}

impl Scalable {
    /// Of a stream that has not sent anything yet; `window` is what rates are averaged over.
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            structure: None,
            version: 0,
            active_targets: 0,
            highest: None,
            rates: std::array::from_fn(|_| std::array::from_fn(|_| RateMeter::new(window))),
            seen: [None; MAX_SPATIAL],
        }
    }

    /// The stream began anew.
    pub(crate) fn restart(&mut self) {
        self.structure = None;
        self.highest = None;
    }

    /// Keeps the structure that a packet brings whose frame another shard has read as of this version.
    pub(crate) fn follow(&mut self, descriptor: &[u8], version: u8) {
        if self.structure.is_some() && self.version == version {
            return;
        }
        let read = Descriptor::parse(descriptor, None).ok();
        if let Some(structure) = read.and_then(|read| read.structure) {
            (self.structure, self.version) = (Some(structure), version);
        }
    }

    /// Reads the dependency descriptor of a packet, which may be the newest of the stream. Returns the frame, and
    /// whether a new structure begins with this packet.
    ///
    /// # Errors
    /// [`DescriptorError`] when the packet's layers stay unknown.
    pub(crate) fn read_descriptor(
        &mut self,
        bytes: &[u8],
        is_newest: bool,
    ) -> Result<(LayerFrame, bool), DescriptorError> {
        let read = Descriptor::parse(bytes, self.structure.as_deref())?;
        let starts = read.structure.is_some();
        if let Some(structure) = read.structure {
            self.active_targets = structure.all_targets();
            self.structure = Some(structure);
            self.version = self.version.wrapping_add(1);
        }
        let Some(structure) = &self.structure else { return Err(DescriptorError::NoStructure) };
        if let Some(active) = read.active_targets {
            self.active_targets = active;
        }
        let active = structure.layers_of(self.active_targets);
        let number = self.unwrap(read.frame_number, 16, starts && is_newest);
        let frame = LayerFrame {
            number,
            references: read.references,
            indications: read.indications,
            active,
            layer: read.layer,
            is_independent: read.is_independent,
            ends_frame: read.ends_frame,
            structure: self.version,
        };
        Ok((frame, starts))
    }

    /// The frame of a VP9 packet that came without dependency descriptor; `None` when it has no picture id.
    pub(crate) fn read_vp9(&mut self, descriptor: &Vp9Descriptor, is_newest: bool) -> Option<LayerFrame> {
        let id = descriptor.picture_id?;
        let bits = match id {
            PictureId::Short(_) => 7,
            PictureId::Long(_) => 15,
        };
        let picture = self.unwrap(id.number(), bits, descriptor.starts_keyframe() && is_newest);
        Some(descriptor.layer_frame(picture))
    }

    /// Counts a packet of `bytes` for every target that needs it.
    pub(crate) fn count(&mut self, now: Instant, frame: &LayerFrame, bytes: usize) {
        self.seen[usize::from(frame.layer.spatial)] = Some(now);
        for layer in LayerId::all() {
            if frame.indications.of(layer) != Indication::NotPresent {
                self.rates[usize::from(layer.spatial)][usize::from(layer.temporal)].add(now, bytes);
            }
        }
    }

    /// True when the stream has dependency descriptors.
    pub(crate) const fn has_structure(&self) -> bool {
        self.structure.is_some()
    }

    /// True when any packet's layers were known.
    pub(crate) fn is_known(&self) -> bool {
        self.seen.iter().any(Option::is_some)
    }

    /// Rates up to each temporal layer of a spatial layer with all that it needs; zero when it is not sent.
    pub(crate) fn bitrates(&self, now: Instant, spatial: usize) -> [Bitrate; MAX_TEMPORAL] {
        let is_sent = |at: Instant| now.saturating_duration_since(at) <= STALE;
        if !self.seen.get(spatial).copied().flatten().is_some_and(is_sent) {
            return [Bitrate::ZERO; MAX_TEMPORAL];
        }
        std::array::from_fn(|temporal| self.rates[spatial][temporal].rate(now))
    }

    /// The largest spatial layer that is sent.
    pub(crate) fn largest(&self, now: Instant) -> usize {
        let is_sent = |&spatial: &usize| self.bitrates(now, spatial)[MAX_TEMPORAL - 1] > Bitrate::ZERO;
        (0..MAX_SPATIAL).rev().find(is_sent).unwrap_or(0)
    }

    /// The structure that frames of this version name their templates in.
    pub(crate) fn structure(&self, version: u8) -> Option<&Structure> {
        self.structure.as_deref().filter(|_| version == self.version)
    }

    /// The number with these low bits that is nearest to the highest one so far. `starts_anew`: it is a higher
    /// one, as an encoder may count from elsewhere after a key frame.
    fn unwrap(&mut self, number: u16, bits: u32, starts_anew: bool) -> u32 {
        let Some(highest) = self.highest else {
            self.highest = Some(number.into());
            return number.into();
        };
        let unused = 32 - bits;
        let difference = u32::from(number).wrapping_sub(highest) << unused;
        let step = if starts_anew {
            (difference >> unused).cast_signed()
        } else {
            difference.cast_signed() >> unused
        };
        let unwrapped = highest.wrapping_add_signed(step);
        if step > 0 {
            self.highest = Some(unwrapped);
        }
        unwrapped
    }
}

/// A layer of which nothing came for so long is not sent.
const STALE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::dependency::samples::{self, L3T3_KEY};

    #[test]
    fn another_shard_follows_the_structures_of_the_one_that_reads() {
        let [mut home, mut away] = std::array::from_fn(|_| Scalable::new(Duration::from_secs(1)));
        for number in [1, 50] {
            let key = samples::key((true, true), 0, number, &L3T3_KEY);
            let (frame, starts) = home.read_descriptor(&key, true).unwrap();
            assert!(starts && away.structure(frame.structure).is_none());
            away.follow(&key, frame.structure);
            let plain = samples::plain((true, true), 1, number + 1);
            let (frame, _) = home.read_descriptor(&plain, true).unwrap();
            away.follow(&plain, frame.structure);
            assert_eq!(away.structure(frame.structure), home.structure(frame.structure));
            assert!(away.structure(frame.structure).is_some());
        }
    }
}
