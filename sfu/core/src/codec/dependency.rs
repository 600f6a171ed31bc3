//! The dependency descriptor: what a frame of a scalable stream needs, without a look into its payload
//! (AV1 RTP specification v1.0.0, appendix A.8).
//!
//! It reads descriptors and rewrites those that are forwarded; which layers somebody gets is decided in
//! `forward`. Every loop is bounded by the descriptor's bits, and every count by what a structure may hold.

mod bits;
mod rewrite;
mod structure;

pub use rewrite::{ActiveTargets, MAX_DESCRIPTOR_BYTES, rewrite};
pub use structure::Structure;

use self::bits::Bits;
use super::layer::{Indications, LayerId, LayerSet};

/// Why bytes are no descriptor of this stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// It ends inside a field.
    #[error("the descriptor ends inside a field")]
    Truncated,
    /// No structure has come yet.
    #[error("there is no structure to read it by")]
    NoStructure,
    /// The structure has no such template: another structure was lost, or is yet to come.
    #[error("template {0} is not in the structure")]
    UnknownTemplate(u8),
    /// The structure has more layers or templates than it may have.
    #[error("the structure is out of bounds")]
    OutOfBounds,
}

/// One packet's descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet is the first of its frame.
    pub starts_frame: bool,
    /// The packet is the last of its frame.
    pub ends_frame: bool,
    /// Frames in decode order.
    pub frame_number: u16,
    /// A new structure begins with this frame: it is a key frame.
    pub structure: Option<Box<Structure>>,
    /// Bit n: decode target n is produced. `None`: as before, or all of a new structure.
    pub active_targets: Option<u32>,
    /// The frame's layers.
    pub layer: LayerId,
    /// What the frame is to each target.
    pub indications: Indications,
    /// Bit n: it refers to the frame n + 1 before; older ones are not kept.
    pub references: u32,
    /// It refers to no frame at all.
    pub is_independent: bool,
}

impl Descriptor {
    /// Reads a descriptor; `current` is the structure of the stream so far. Allocates for a new structure only.
    ///
    /// # Errors
    /// [`DescriptorError`]; nothing is known of the packet's frame then.
    pub fn parse(bytes: &[u8], current: Option<&Structure>) -> Result<Self, DescriptorError> {
        let mut bits = Bits::new(bytes);
        let (starts_frame, ends_frame) = (bits.flag()?, bits.flag()?);
        let template_id = bits.byte(6)?;
        let frame_number = bits.number(16)?;
        let flags = if bytes.len() > MANDATORY_BYTES { Flags::read(&mut bits)? } else { Flags::default() };
        let attached = if flags.structure { Some(Box::new(Structure::read(&mut bits)?)) } else { None };
        let structure = attached.as_deref().or(current).ok_or(DescriptorError::NoStructure)?;
        let active_targets =
            if flags.active_targets { Some(bits.take(structure.targets().into())?) } else { None };
        let template =
            structure.template(template_id).ok_or(DescriptorError::UnknownTemplate(template_id))?;
        let indications =
            if flags.indications { structure.read_indications(&mut bits)? } else { template.indications };
        let (references, is_independent) = if flags.references {
            read_references(&mut bits)?
        } else {
            (template.references, template.references == 0)
        };
        if flags.chains {
            bits.skip(8 * usize::from(structure.chains()))?;
        }
        Ok(Self {
            starts_frame,
            ends_frame,
            frame_number,
            active_targets,
            layer: template.layer,
            indications,
            references,
            is_independent,
            structure: attached,
        })
    }
}

impl Structure {
    /// The targets that are produced, of a bit mask by decode target.
    #[must_use]
    pub fn layers_of(&self, active_targets: u32) -> LayerSet {
        let is_active =
            |layer: &LayerId| self.target_of(*layer).is_some_and(|target| active_targets & 1 << target != 0);
        LayerId::all().filter(is_active).collect()
    }

    /// The bit mask of the decode targets that stand for layers of this set.
    #[must_use]
    pub fn targets_of(&self, layers: LayerSet) -> u32 {
        let targets = self.target_layers().filter(|&(_, layer)| layers.contains(layer));
        targets.fold(0, |mask, (target, _)| mask | 1 << target)
    }
}

/// What follows the mandatory fields.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    structure: bool,
    active_targets: bool,
    indications: bool,
    references: bool,
    chains: bool,
}

impl Flags {
    fn read(bits: &mut Bits<'_>) -> Result<Self, DescriptorError> {
        Ok(Self {
            structure: bits.flag()?,
            active_targets: bits.flag()?,
            indications: bits.flag()?,
            references: bits.flag()?,
            chains: bits.flag()?,
        })
    }
}

/// `frame_fdiffs()`: a size in nibbles and a difference, until a size of 0.
fn read_references(bits: &mut Bits<'_>) -> Result<(u32, bool), DescriptorError> {
    let (mut references, mut is_independent) = (0, true);
    loop {
        let nibbles = bits.take(2)?;
        if nibbles == 0 {
            return Ok((references, is_independent));
        }
        is_independent = false;
        references |= 1_u32.checked_shl(bits.take(4 * nibbles)?).unwrap_or(0);
    }
}

/// A descriptor of just these bytes has no further fields.
const MANDATORY_BYTES: usize = 3;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
