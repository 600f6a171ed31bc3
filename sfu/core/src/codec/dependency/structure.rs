//! The frame dependency structure: templates that the frames of a stream name, and its decode targets.

use super::DescriptorError;
use super::bits::Bits;
use crate::codec::layer::{Indication, Indications, LayerId, MAX_SPATIAL, MAX_TEMPORAL};

/// One frame dependency structure (`template_dependency_structure()`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Id of the first template.
    first_template: u8,
    /// How many decode targets it has, 1 to 32.
    targets: u8,
    /// How many chains it has, at most as many as targets.
    chains: u8,
    templates: Vec<Template>,
    /// By [`LayerId::place`]: the decode target that it stands for.
    target_of: [Option<u8>; MAX_SPATIAL * MAX_TEMPORAL],
    /// Layers of each decode target, uncut.
    layers: Vec<(u8, u8)>,
}

/// What a frame is that names this template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) layer: LayerId,
    pub(super) indications: Indications,
    /// Bit n: it refers to the frame n + 1 before.
    pub(super) references: u32,
}

impl Structure {
    /// How many decode targets it has.
    #[must_use]
    pub const fn targets(&self) -> u8 {
        self.targets
    }

    /// How many chains it has.
    pub(super) const fn chains(&self) -> u8 {
        self.chains
    }

    /// A mask with a bit for each decode target.
    #[must_use]
    pub const fn all_targets(&self) -> u32 {
        u32::MAX >> (32 - self.targets)
    }

    /// The decode target that shows up to these layers: of those with this spatial layer, the one with the
    /// highest temporal layer that is not higher.
    #[must_use]
    pub fn target_of(&self, layer: LayerId) -> Option<u8> {
        self.target_of[layer.place()]
    }

    /// Each decode target with its layers.
    pub fn target_layers(&self) -> impl Iterator<Item = (u8, LayerId)> {
        (0..).zip(self.layers.iter().map(|&(spatial, temporal)| LayerId::new(spatial, temporal)))
    }

    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        self.templates.get(usize::from(id.wrapping_sub(self.first_template) % MAX_TEMPLATES))
    }

    pub(super) fn read(bits: &mut Bits<'_>) -> Result<Self, DescriptorError> {
        let first_template = bits.byte(6)?;
        let targets = bits.byte(5)? + 1;
        let frames = read_layers(bits)?;
        let mut indications = Vec::with_capacity(frames.len());
        for _ in &frames {
            indications.push(read_raw(bits, targets)?);
        }
        let mut references = Vec::with_capacity(frames.len());
        for _ in &frames {
            references.push(read_references(bits)?);
        }
        let chains = read_chains(bits, targets, frames.len())?;
        if bits.flag()? {
            let highest = frames.last().map_or(0, |&(spatial, _)| spatial);
            bits.skip(32 * (usize::from(highest) + 1))?;
        }
        let layers = target_layers(&frames, &indications, targets);
        let target_of = cells(&layers);
        let templates = frames.iter().zip(&indications).zip(references);
        let templates = templates
            .map(|((&(spatial, temporal), &raw), references)| Template {
                layer: LayerId::new(spatial, temporal),
                indications: by_layer(raw, &target_of),
                references,
            })
            .collect();
        Ok(Self { first_template, targets, chains, templates, target_of, layers })
    }

    /// `frame_dtis()`: a frame's own indications.
    pub(super) fn read_indications(&self, bits: &mut Bits<'_>) -> Result<Indications, DescriptorError> {
        Ok(by_layer(read_raw(bits, self.targets)?, &self.target_of))
    }
}

/// Two bits for each decode target, the first in the lowest.
fn read_raw(bits: &mut Bits<'_>, targets: u8) -> Result<u64, DescriptorError> {
    let mut raw = 0;
    for target in 0..targets {
        raw |= u64::from(bits.take(2)?) << (2 * target);
    }
    Ok(raw)
}

fn raw_of(raw: u64, target: u8) -> Indication {
    Indication::from_bits(u32::try_from(raw >> (2 * target) & 3).unwrap_or(0))
}

fn by_layer(raw: u64, target_of: &[Option<u8>; MAX_SPATIAL * MAX_TEMPORAL]) -> Indications {
    let mut indications = Indications::default();
    for layer in LayerId::all() {
        if let Some(target) = target_of[layer.place()] {
            indications.set(layer, raw_of(raw, target));
        }
    }
    indications
}

/// `template_layers()`: the spatial and temporal layer of each template.
fn read_layers(bits: &mut Bits<'_>) -> Result<Vec<(u8, u8)>, DescriptorError> {
    let (mut spatial, mut temporal) = (0, 0);
    let mut layers = Vec::new();
    loop {
        layers.push((spatial, temporal));
        match bits.take(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => return Ok(layers),
        }
        if layers.len() == usize::from(MAX_TEMPLATES)
            || spatial > MAX_SPATIAL_ID
            || temporal > MAX_TEMPORAL_ID
        {
            return Err(DescriptorError::OutOfBounds);
        }
    }
}

/// `template_fdiffs()` of one template.
fn read_references(bits: &mut Bits<'_>) -> Result<u32, DescriptorError> {
    let mut references = 0;
    while bits.flag()? {
        references |= 1 << bits.take(4)?;
    }
    Ok(references)
}

/// `template_chains()`: their number. What protects a target is its receiver's to know.
fn read_chains(bits: &mut Bits<'_>, targets: u8, templates: usize) -> Result<u8, DescriptorError> {
    let chains = bits.below(u32::from(targets) + 1)?;
    if chains > 0 {
        for _ in 0..targets {
            bits.below(chains + 1)?;
        }
        bits.skip(4 * templates * usize::try_from(chains).unwrap_or(0))?;
    }
    u8::try_from(chains).map_err(|_| DescriptorError::OutOfBounds)
}

/// `decode_target_layers()`: the highest layers among the templates that a target has part in.
fn target_layers(frames: &[(u8, u8)], indications: &[u64], targets: u8) -> Vec<(u8, u8)> {
    let highest = |target: u8| {
        let parts = frames.iter().zip(indications);
        let parts = parts.filter(|&(_, &raw)| raw_of(raw, target) != Indication::NotPresent);
        parts.fold((0, 0), |highest: (u8, u8), (frame, _)| (highest.0.max(frame.0), highest.1.max(frame.1)))
    };
    (0..targets).map(highest).collect()
}

fn cells(layers: &[(u8, u8)]) -> [Option<u8>; MAX_SPATIAL * MAX_TEMPORAL] {
    let mut cells = [None; MAX_SPATIAL * MAX_TEMPORAL];
    for layer in LayerId::all() {
        let stands_for = |&(_, (spatial, temporal)): &(u8, (u8, u8))| {
            let cut = LayerId::new(spatial, temporal);
            cut.spatial == layer.spatial && cut.temporal <= layer.temporal
        };
        let targets = (0_u8..).zip(layers.iter().copied());
        let best = targets.filter(stands_for).max_by_key(|&(_, layers)| layers);
        cells[layer.place()] = best.map(|(target, _)| target);
    }
    cells
}

/// Ids have six bits.
const MAX_TEMPLATES: u8 = 64;
/// AV1 has two bits for a spatial and three for a temporal id.
const MAX_SPATIAL_ID: u8 = 3;
const MAX_TEMPORAL_ID: u8 = 7;
