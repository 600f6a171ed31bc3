//! What was sent, until feedback speaks of it.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Instant;

use super::SendKind;
use super::loss::Fates;
use crate::rtcp::TwccFeedback;
use crate::rtp::{SeqIndex, SeqNo, SeqUnwrapper, nearest};

/// One acknowledged packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    /// Our clock, from the first packet on.
    pub(super) sent_micros: i64,
    /// The subscriber's clock, from its own epoch.
    pub(super) arrived_micros: i64,
    pub(super) bytes: usize,
    pub(super) cluster: Option<NonZeroU32>,
}

/// Packets whose fate is not known.
#[derive(Debug, Default)]
pub(super) struct History {
    epoch: Option<Instant>,
    unwrapper: SeqUnwrapper,
    /// Consecutive numbers, the first being `base`.
    sent: VecDeque<Sent>,
    base: SeqIndex,
    /// Numbers that the last message missed: a packet that was overtaken comes before the next one.
    missing: Vec<SeqIndex>,
    /// The last reference time, unwrapped.
    last_arrival: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    at_micros: i64,
    bytes: u16,
    cluster: Option<NonZeroU32>,
    is_probe: bool,
    fate: Fate,
}

const _: () = assert!(size_of::<Sent>() <= 16, "a transport remembers some hundreds of them");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    /// One message said that it had not come.
    Missing,
    /// And the next one did not say otherwise.
    Lost,
    Received,
}

/// Two seconds of 500 packets a second.
const MAX_OUTSTANDING: usize = 1024;
/// The feedback's reference time has 24 bits of 64 ms.
const WRAP_MICROS: i64 = 64_000 << 24;
/// Numbers kept behind the newest reported one, in case a late packet is reported after all.
const KEEP_REPORTED: u64 = 64;

impl History {
    pub(super) fn push(
        &mut self,
        now: Instant,
        seq: SeqNo,
        bytes: usize,
        (kind, cluster): (SendKind, Option<NonZeroU32>),
    ) {
        let epoch = *self.epoch.get_or_insert(now);
        let index = self.unwrapper.unwrap(seq);
        if self.sent.is_empty() {
            self.base = index;
        }
        if index.0 != self.base.0 + self.sent.len() as u64 {
            // Numbers are consecutive by contract; after a jump nothing before it can be matched.
            self.sent.clear();
            self.base = index;
        }
        if self.sent.len() == MAX_OUTSTANDING {
            self.sent.pop_front();
            self.base.0 += 1;
        }
        let at_micros = micros(now.saturating_duration_since(epoch));
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        let is_probe = kind == SendKind::Probe;
        self.sent.push_back(Sent { at_micros, bytes, cluster, is_probe, fate: Fate::Unknown });
    }

    /// Appends the newly acknowledged packets to `acks`, in the order of their numbers.
    pub(super) fn on_feedback(&mut self, feedback: &TwccFeedback<'_>, acks: &mut Vec<Ack>) -> Fates {
        let mut counts = Fates::default();
        let Some(highest) = self.unwrapper.highest() else { return counts };
        let mut newest = None;
        let missed_before = std::mem::take(&mut self.missing);
        for arrival in feedback.arrivals() {
            let index = nearest(highest, arrival.seq);
            let Some(sent) = find(&mut self.sent, self.base, index) else { continue };
            newest = Some(index);
            match (arrival.at_micros, sent.fate) {
                (None, Fate::Unknown) => {
                    sent.fate = Fate::Missing;
                    self.missing.push(index);
                    *if sent.is_probe { &mut counts.probes } else { &mut counts.missing } += 1;
                }
                (None, Fate::Missing | Fate::Lost | Fate::Received) | (Some(_), Fate::Received) => {}
                (Some(at), Fate::Unknown | Fate::Missing | Fate::Lost) => {
                    if sent.fate != Fate::Lost && !sent.is_probe {
                        counts.bytes += u64::from(sent.bytes);
                    }
                    sent.fate = Fate::Received;
                    *if sent.is_probe { &mut counts.probes } else { &mut counts.received } += 1;
                    let arrived_micros = unwrap_time(self.last_arrival, at);
                    self.last_arrival = Some(arrived_micros);
                    acks.push(Ack {
                        sent_micros: sent.at_micros,
                        arrived_micros,
                        bytes: usize::from(sent.bytes),
                        cluster: sent.cluster,
                    });
                }
            }
        }
        for index in missed_before {
            if let Some(sent) = find(&mut self.sent, self.base, index)
                && sent.fate == Fate::Missing
            {
                sent.fate = Fate::Lost;
                counts.lose(sent.bytes, sent.is_probe);
            }
        }
        if let Some(newest) = newest {
            while self.base.0 + KEEP_REPORTED < newest.0
                && let Some(sent) = self.sent.pop_front()
            {
                self.base.0 += 1;
                counts.unreported += u32::from(sent.fate == Fate::Unknown && !sent.is_probe);
                if sent.fate == Fate::Missing {
                    counts.lose(sent.bytes, sent.is_probe);
                }
            }
        }
        counts
    }

    /// What the last message missed counts for nothing.
    pub(super) fn forget_missing(&mut self) {
        for index in std::mem::take(&mut self.missing) {
            if let Some(sent) = find(&mut self.sent, self.base, index) {
                sent.fate = Fate::Lost;
            }
        }
    }

    /// True when something was sent that no feedback has spoken of.
    pub(super) fn has_outstanding(&self) -> bool {
        self.sent.back().is_some_and(|sent| sent.fate == Fate::Unknown)
    }
}

/// What is known of a number; `None` for one that is forgotten, or was not sent.
fn find(sent: &mut VecDeque<Sent>, base: SeqIndex, index: SeqIndex) -> Option<&mut Sent> {
    sent.get_mut(usize::try_from(index.0.checked_sub(base.0)?).ok()?)
}

/// The time nearest to the last one that has these low bits.
fn unwrap_time(last: Option<i64>, at: i64) -> i64 {
    let Some(last) = last else { return at };
    let turns = (last - at + WRAP_MICROS / 2).div_euclid(WRAP_MICROS);
    at + turns * WRAP_MICROS
}

fn micros(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use super::*;
    use crate::rtcp::{self, RtcpPacket};
    use crate::rtp::Ssrc;

    /// Ten packets of 100 bytes, numbers 1 to 10.
    fn ten() -> History {
        let (mut history, now) = (History::default(), Instant::now());
        (1..=10).for_each(|number| history.push(now, SeqNo(number), 100, (SendKind::Media, None)));
        history
    }

    /// A message from number `first` on; `.` stands for a packet that came, `x` for one that did not.
    fn tell(history: &mut History, first: u16, came: &str) -> Fates {
        let at = std::time::Duration::from_millis(1);
        let arrivals: Vec<_> = came.chars().map(|one| (one == '.').then_some(at)).collect();
        let mut out = Vec::new();
        rtcp::write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, SeqNo(first), &arrivals);
        let RtcpPacket::TransportFeedback(feedback) = rtcp::packets(&out).next().unwrap().unwrap() else {
            panic!()
        };
        history.on_feedback(&feedback, &mut Vec::new())
    }

    #[test]
    fn a_packet_is_lost_when_a_second_message_has_not_named_it() {
        let mut history = ten();
        let first = tell(&mut history, 1, ".x.x.");
        assert_eq!((first.received, first.missing, first.lost, first.bytes), (3, 2, 0, 300));
        // Number 2 was overtaken; what came after it is told once more.
        let second = tell(&mut history, 2, "..x.....");
        assert_eq!((second.received, second.missing, second.lost, second.bytes), (5, 0, 1, 600));
        let third = tell(&mut history, 10, ".");
        assert_eq!((third.received, third.missing, third.lost, third.bytes), (1, 0, 0, 100));
    }

    #[test]
    fn probes_are_neither_lost_nor_received() {
        let (mut history, now) = (History::default(), Instant::now());
        for number in 1..=10 {
            let kind = if number % 2 == 0 { SendKind::Probe } else { SendKind::Media };
            history.push(now, SeqNo(number), 100, (kind, None));
        }
        let first = tell(&mut history, 1, ".x.x...");
        assert_eq!((first.received, first.missing, first.lost, first.bytes), (4, 0, 0, 400));
        assert_eq!(first.probes, 3);
        let second = tell(&mut history, 8, "xx.");
        assert_eq!((second.missing, second.lost, second.probes), (1, 0, 2));
        assert_eq!(tell(&mut history, 10, ".").lost, 1);
    }

    #[test]
    fn what_an_outage_swallowed_is_never_counted_as_lost() {
        let mut history = ten();
        assert_eq!(tell(&mut history, 1, ".xx.").missing, 2);
        history.forget_missing();
        (11..=200)
            .for_each(|number| history.push(Instant::now(), SeqNo(number), 100, (SendKind::Media, None)));
        let passed = tell(&mut history, 199, "..");
        assert_eq!((passed.lost, passed.received), (0, 2));
    }
}
