//! ⑧ What the fan-out asks of encryption, and one subscriber's end of it.

use super::Congestion;
use crate::rtp::SeqIndex;
use crate::srtp::{SealError, SrtpSender};

/// Turns a plaintext packet into what leaves in the datagram.
pub trait Seal {
    /// Writes `header`, `prefix` and `payload`, protected, to the front of `out`; returns the length.
    ///
    /// `prefix` is the rewritten beginning of the payload. One (SSRC, `index`) is never given twice.
    ///
    /// # Errors
    /// [`SealError`]; the packet is then dropped and counted.
    fn seal_rtp(
        &self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        index: SeqIndex,
        out: &mut [u8],
    ) -> Result<usize, SealError>;
}

impl Seal for SrtpSender {
    fn seal_rtp(
        &self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        index: SeqIndex,
        out: &mut [u8],
    ) -> Result<usize, SealError> {
        Self::seal_rtp(self, header, prefix, payload, index, out)
    }
}

/// No encryption: for the link to a mixer, whose carrier encrypts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Seal for Plain {
    fn seal_rtp(
        &self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        _index: SeqIndex,
        out: &mut [u8],
    ) -> Result<usize, SealError> {
        let mut at = 0;
        for part in [header, prefix, payload] {
            out.get_mut(at..at + part.len()).ok_or(SealError::NoSpace)?.copy_from_slice(part);
            at += part.len();
        }
        Ok(at)
    }
}

/// One subscriber's transport, as the fan-out needs it. `T` is the caller's name for where datagrams go.
#[derive(Debug)]
pub struct Leg<'a, S, T> {
    /// Where datagrams go.
    pub to: T,
    /// Its encryption.
    pub seal: &'a S,
    /// Its transport-wide numbers and estimator; `None` for a link that has its own.
    pub congestion: Option<&'a mut Congestion>,
}
