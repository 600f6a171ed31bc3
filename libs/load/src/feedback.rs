//! What a receiver tells a server: transport-wide feedback and receiver reports. Pure.

use std::time::Duration;

use sfu_core::rtcp::{self, ReportBlock};
use sfu_core::rtp::{SeqIndex, SeqNo, Ssrc};

/// Arrivals of one transport since the last message.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// The number of the first arrival.
    base: Option<SeqNo>,
    arrivals: Vec<Option<Duration>>,
    messages: u8,
    /// The highest number of each stream.
    highest: Vec<(Ssrc, SeqIndex)>,
}

/// A jump of more numbers than this starts anew; a message holds 400 statuses.
const MAX_GAP: i16 = 4_000;

impl Feedback {
    /// A packet arrived `at` after the generator's start. `transport_seq`: its transport-wide number.
    pub(crate) fn add(&mut self, transport_seq: Option<u16>, ssrc: Ssrc, index: SeqIndex, at: Duration) {
        match self.highest.iter_mut().find(|(known, _)| *known == ssrc) {
            Some((_, highest)) => *highest = (*highest).max(index),
            None => self.highest.push((ssrc, index)),
        }
        let Some(seq) = transport_seq.map(SeqNo) else { return };
        let base = *self.base.get_or_insert(seq);
        let place = seq.since(base);
        if place > MAX_GAP {
            self.arrivals.clear();
            self.base = Some(seq);
        }
        // What is older than the last message stays untold.
        let place = usize::try_from(if place > MAX_GAP { 0 } else { place });
        let Ok(place) = place else { return };
        if place >= self.arrivals.len() {
            self.arrivals.resize(place + 1, None);
        }
        self.arrivals[place] = Some(at);
    }

    /// Appends the messages about everything since the last call (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
    pub(crate) fn write_transport_feedback(&mut self, out: &mut Vec<u8>) {
        let Some(mut base) = self.base.take() else { return };
        let media = self.highest.first().map_or(Ssrc(0), |(ssrc, _)| *ssrc);
        let mut rest = &self.arrivals[..];
        while !rest.is_empty() {
            let taken = rtcp::write_twcc(out, (OUR_SSRC, media), self.messages, base, rest).max(1);
            self.messages = self.messages.wrapping_add(1);
            let lost = rest[taken.min(rest.len())..].iter().take_while(|arrival| arrival.is_none()).count();
            let skip = (taken + lost).min(rest.len());
            base = SeqNo(base.0.wrapping_add(u16::try_from(skip).unwrap_or(0)));
            rest = &rest[skip..];
        }
        self.arrivals.clear();
    }

    /// Appends a receiver report about all streams (RFC 3550 §6.4.2).
    pub(crate) fn write_report(&self, out: &mut Vec<u8>) {
        let blocks: Vec<_> = self
            .highest
            .iter()
            .map(|&(ssrc, highest)| ReportBlock {
                ssrc,
                fraction_lost: 0,
                cumulative_lost: 0,
                // RFC 3550 §6.4.1: 16 bits of roll-overs, 16 of the number.
                highest_seq: u32::try_from(highest.0 & u64::from(u32::MAX)).unwrap_or(0),
                jitter: 0,
                last_sr: 0,
                delay_since_last_sr: 0,
            })
            .collect();
        rtcp::write_receiver_report(out, OUR_SSRC, &blocks);
    }
}

/// The name under which a receiver speaks; any will do.
const OUR_SSRC: Ssrc = Ssrc(1);

#[cfg(test)]
mod tests {
    use sfu_core::rtcp::RtcpPacket;

    use super::*;

    fn told(feedback: &mut Feedback) -> Vec<(u16, bool)> {
        let mut out = Vec::new();
        feedback.write_transport_feedback(&mut out);
        let mut told = Vec::new();
        for packet in rtcp::packets(&out) {
            if let RtcpPacket::TransportFeedback(message) = packet.unwrap() {
                told.extend(message.arrivals().map(|a| (a.seq.0, a.at_micros.is_some())));
            }
        }
        told
    }

    #[test]
    fn every_number_between_the_first_and_the_last_arrival_is_told() {
        let mut feedback = Feedback::default();
        for (seq, ms) in [(65_534, 1), (65_535, 2), (1, 5), (2, 6)] {
            feedback.add(Some(seq), Ssrc(9), SeqIndex(70_000), Duration::from_millis(ms));
        }
        let wanted = [(65_534, true), (65_535, true), (0, false), (1, true), (2, true)];
        assert_eq!(told(&mut feedback), wanted);
        assert_eq!(told(&mut feedback), []);
    }

    #[test]
    fn more_than_a_message_holds_goes_into_several() {
        let mut feedback = Feedback::default();
        for seq in 0..1_000 {
            feedback.add(Some(seq), Ssrc(9), SeqIndex(1), Duration::from_micros(u64::from(seq) * 300));
        }
        assert_eq!(told(&mut feedback).len(), 1_000);
    }

    #[test]
    fn a_report_names_every_stream() {
        let mut feedback = Feedback::default();
        feedback.add(None, Ssrc(9), SeqIndex(70_000), Duration::ZERO);
        feedback.add(None, Ssrc(8), SeqIndex(3), Duration::ZERO);
        let mut out = Vec::new();
        feedback.write_report(&mut out);
        let Some(Ok(RtcpPacket::ReceiverReport(blocks))) = rtcp::packets(&out).next() else {
            panic!("a report")
        };
        let blocks: Vec<_> = blocks.iter().map(|b| (b.ssrc.0, b.highest_seq)).collect();
        assert_eq!(blocks, [(9, 70_000), (8, 3)]);
    }
}
