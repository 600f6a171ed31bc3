//! ⑦ Probes: repeated packets and padding in the retransmission stream, or padding in the media stream itself.

use std::time::Instant;

use super::forwarding::Turn;
use super::writing::Outgoing;
use super::{Forwarding, Leg, Seal, SendArena};
use crate::bwe::{ProbeRequest, SendKind};
use crate::receive::Reception;
use crate::rtp::{Pt, RtpTime, SeqIndex, Ssrc};
use crate::stats::ForwardCounters;

/// Length of a padding-only probe packet: the P bit's count has one byte.
const PADDING_BYTES: usize = 255;

/// Padding, with its length at the end.
static PADDING: [u8; PADDING_BYTES] = {
    let mut bytes = [0; PADDING_BYTES];
    bytes[PADDING_BYTES - 1] = 255;
    bytes
};

/// A smaller rest of a probe is sent as padding.
const MIN_REPEATED_BYTES: usize = 600;

impl Forwarding {
    /// True when [`Self::probe`] has something to send: a retransmission stream, or a media stream that has begun.
    #[must_use]
    pub fn can_probe(&self) -> bool {
        let has_begun = !self.config.codec.is_audio() && self.sent.highest().is_some();
        self.config.rtx.is_some() || has_begun
    }

    /// Sends about as many bytes as the estimator asks for: the newest packets once more, or padding.
    /// Returns what was sent; nothing while [`Self::can_probe`] is false, or in the middle of a frame.
    pub fn probe<S: Seal, T: Copy + PartialEq>(
        &mut self,
        now: Instant,
        request: ProbeRequest,
        reception: &Reception,
        leg: &mut Leg<'_, S, T>,
        arena: &mut SendArena<T>,
        counters: &mut ForwardCounters,
    ) -> usize {
        let mut turn = Turn { now, reception, leg, arena, counters };
        let mut total = 0;
        let mut back = 0;
        while total < request.bytes {
            let bytes = if self.config.rtx.is_some() {
                let again = self.sent.newest().filter(|sent| !sent.is_filler).nth(back);
                back += 1;
                again
                    .filter(|_| request.bytes - total >= MIN_REPEATED_BYTES)
                    .and_then(|sent| self.send_again(&mut turn, &sent, SendKind::Probe))
                    .or_else(|| self.send_rtx_padding(&mut turn))
            } else {
                self.send_media_padding(&mut turn)
            };
            let Some(bytes) = bytes else { break };
            turn.counters.probes += 1;
            total += bytes;
        }
        total
    }

    fn send_rtx_padding<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
    ) -> Option<usize> {
        let rtx = self.config.rtx?;
        let index = self.take_rtx_index();
        let time = RtpTime(self.timeline.offset());
        self.write_padding(turn, (rtx.ssrc, rtx.pt), (index, time))
    }

    /// Without a retransmission stream padding takes the media's own numbers. Then it may only follow a packet that
    /// ends a frame, and has that frame's time, as in libwebrtc's `RTPSender::GeneratePadding`: in the middle of a
    /// frame it would tear it apart. When nothing is sent any more there is no middle.
    fn send_media_padding<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
    ) -> Option<usize> {
        if self.config.codec.is_audio() {
            return None;
        }
        let time = match self.source_mut() {
            Some(_) => self.sent.frame_end()?,
            None => self.sent.newest_time()?,
        };
        let index = self.sent.insert_padding(time)?;
        if let Some(source) = self.source_mut() {
            source.map.insert();
        }
        self.write_padding(turn, (self.config.ssrc, self.config.pt), (index, time))
    }

    fn write_padding<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        (ssrc, pt): (Ssrc, Pt),
        (index, time): (SeqIndex, RtpTime),
    ) -> Option<usize> {
        let out = Outgoing {
            ssrc,
            pt,
            index,
            time,
            marker: false,
            padding: true,
            extensions_of: None,
            descriptor: &[],
            prefix: &[],
            payload: &PADDING,
            kind: SendKind::Probe,
        };
        self.write(turn, &out)
    }
}
