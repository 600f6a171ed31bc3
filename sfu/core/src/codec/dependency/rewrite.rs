//! A descriptor as a subscriber gets it: its own frame numbers, and the decode targets that it receives.

use super::bits::Bits;
use super::structure::Structure;
use super::{Flags, MANDATORY_BYTES};

/// No element of a header extension is longer (RFC 8285 §4.3).
pub const MAX_DESCRIPTOR_BYTES: usize = 255;

/// The decode targets that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveTargets {
    /// Bit n: target n is sent.
    pub mask: u32,
    /// How many targets the structure has, 1 to 32.
    pub count: u8,
}

/// Writes the descriptor `bytes` with another frame number to the front of `out`, and with these active
/// targets in place of its own, if any are given; returns the length.
///
/// `None` when `bytes` cannot be read, its structure has another number of targets, or the result does not fit.
#[must_use]
pub fn rewrite(
    bytes: &[u8],
    frame_number: u16,
    active: Option<ActiveTargets>,
    out: &mut [u8; MAX_DESCRIPTOR_BYTES],
) -> Option<usize> {
    let len = match active {
        None => {
            out.get_mut(..bytes.len())?.copy_from_slice(bytes);
            bytes.len()
        }
        Some(active) => set_active(bytes, active, out)?,
    };
    out.get_mut(1..MANDATORY_BYTES)
        .filter(|_| len >= MANDATORY_BYTES)?
        .copy_from_slice(&frame_number.to_be_bytes());
    Some(len)
}

fn set_active(bytes: &[u8], active: ActiveTargets, out: &mut [u8; MAX_DESCRIPTOR_BYTES]) -> Option<usize> {
    let mut bits = Bits::new(bytes);
    let mut writer = BitWriter { bytes: out, at: 0 };
    writer.copy(&mut bits, 8 * MANDATORY_BYTES)?;
    let flags = if bits.left() > 0 { Flags::read(&mut bits).ok()? } else { Flags::default() };
    for flag in [flags.structure, true, flags.indications, flags.references, flags.chains] {
        writer.put(flag.into(), 1)?;
    }
    if flags.structure {
        let mut ahead = bits.clone();
        let structure = Structure::read(&mut ahead).ok()?;
        if structure.targets() != active.count {
            return None;
        }
        let count = ahead.position() - bits.position();
        writer.copy(&mut bits, count)?;
    }
    if flags.active_targets {
        bits.skip(active.count.into()).ok()?;
    }
    writer.put(active.mask, active.count.into())?;
    let rest = bits.left();
    writer.copy(&mut bits, rest)?;
    Some(writer.at.div_ceil(8))
}

/// Writes from the front.
struct BitWriter<'a> {
    bytes: &'a mut [u8; MAX_DESCRIPTOR_BYTES],
    at: usize,
}

impl BitWriter<'_> {
    /// The low `count` bits of `value`, at most 32.
    fn put(&mut self, value: u32, count: u32) -> Option<()> {
        for bit in (0..count).rev() {
            let byte = self.bytes.get_mut(self.at / 8)?;
            if self.at.is_multiple_of(8) {
                *byte = 0;
            }
            *byte |= u8::from(value >> bit & 1 == 1) << (7 - self.at % 8);
            self.at += 1;
        }
        Some(())
    }

    fn copy(&mut self, bits: &mut Bits<'_>, mut count: usize) -> Option<()> {
        while count > 0 {
            let step = u32::try_from(count.min(32)).ok()?;
            self.put(bits.take(step).ok()?, step)?;
            count -= count.min(32);
        }
        Some(())
    }
}
