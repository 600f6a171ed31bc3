//! What one frame of a scalable stream is to each of its decode targets, in the words of the dependency
//! descriptor (AV1 RTP specification, appendix A), from whichever header said so.

/// Spatial layers that are told apart; a higher one counts as the highest.
pub const MAX_SPATIAL: usize = 3;

/// Temporal layers that are told apart; a higher one counts as the highest.
pub const MAX_TEMPORAL: usize = 3;

/// A spatial and a temporal layer. As a decode target: what a viewer who decodes up to both of them needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerId {
    /// By size, 0 the smallest; below [`MAX_SPATIAL`].
    pub spatial: u8,
    /// By rate, 0 the lowest; below [`MAX_TEMPORAL`].
    pub temporal: u8,
}

impl LayerId {
    /// The pair, each part cut to what is told apart.
    #[must_use]
    pub const fn new(spatial: u8, temporal: u8) -> Self {
        const fn cut(layer: u8) -> u8 {
            if layer < 2 { layer } else { 2 }
        }
        const { assert!(MAX_SPATIAL == 3 && MAX_TEMPORAL == 3, "two is the highest of both") };
        Self { spatial: cut(spatial), temporal: cut(temporal) }
    }

    /// Every pair, smallest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..3).flat_map(|spatial| (0..3).map(move |temporal| Self { spatial, temporal }))
    }

    /// Place among all pairs.
    #[must_use]
    pub const fn place(self) -> usize {
        self.spatial as usize * MAX_TEMPORAL + self.temporal as usize
    }
}

/// What a frame is to a decode target (table A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// It is not part of it.
    NotPresent,
    /// Part of it; no later frame of the target needs it.
    Discardable,
    /// Part of it; a receiver that decodes this frame can decode all later ones of the target.
    Switch,
    /// Part of it, and neither of the above.
    Required,
}

impl Indication {
    /// From its two bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        }
    }
}

/// Two bits for each [`LayerId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indications(u32);

impl Indications {
    /// Sets what the frame is to a target.
    pub const fn set(&mut self, target: LayerId, indication: Indication) {
        let shift = 2 * target.place();
        self.0 = self.0 & !(3 << shift) | (indication as u32) << shift;
    }

    /// What the frame is to a target.
    #[must_use]
    pub const fn of(self, target: LayerId) -> Indication {
        Indication::from_bits(self.0 >> (2 * target.place()))
    }
}

/// A set of [`LayerId`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerSet(u16);

impl LayerSet {
    /// All of them.
    pub const ALL: Self = Self((1 << (MAX_SPATIAL * MAX_TEMPORAL)) - 1);

    /// Adds one.
    pub const fn insert(&mut self, layer: LayerId) {
        self.0 |= 1 << layer.place();
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The largest one.
    #[must_use]
    pub fn largest(self) -> Option<LayerId> {
        LayerId::all().filter(|&layer| self.contains(layer)).last()
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn contains(self, layer: LayerId) -> bool {
        self.0 & 1 << layer.place() != 0
    }
}

impl FromIterator<LayerId> for LayerSet {
    fn from_iter<T: IntoIterator<Item = LayerId>>(layers: T) -> Self {
        let mut set = Self::default();
        layers.into_iter().for_each(|layer| set.insert(layer));
        set
    }
}

/// One packet's frame, for the choice of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerFrame {
    /// Frames in decode order, with roll-overs; may begin anywhere.
    pub number: u32,
    /// Bit n: it refers to frame `number - 1 - n`. Older references are not kept.
    pub references: u32,
    /// What it is to each target.
    pub indications: Indications,
    /// Targets that the publisher produces now.
    pub active: LayerSet,
    /// Its own layers.
    pub layer: LayerId,
    /// It refers to no frame at all.
    pub is_independent: bool,
    /// This packet is its last.
    pub ends_frame: bool,
    /// Counts the stream's structures, round and round.
    pub structure: u8,
}

impl LayerFrame {
    /// The low bits of its number, as the dependency descriptor carries them.
    #[must_use]
    pub const fn number_on_wire(&self) -> u16 {
        let [_, _, high, low] = self.number.to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

const _: () = assert!(size_of::<LayerFrame>() <= 24, "each packet of a ring has one");
