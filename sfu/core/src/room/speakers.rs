//! Who speaks, from the audio levels that publishers write into their packets (RFC 6464).
//!
//! It decides who counts as speaking and how loud; it does not decide who is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ParticipantKey;

/// Loudness of one participant after an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Who.
    pub participant: ParticipantKey,
    /// 0 (silent) to 1, in steps of 1/8; 0 means that it stopped speaking.
    pub level: f32,
}

/// Collects levels and says every [`INTERVAL`] whose loudness changed.
#[derive(Debug, Default)]
pub struct SpeakerMeter {
    voices: BTreeMap<ParticipantKey, Voice>,
    /// When each was last heard speaking.
    heard: BTreeMap<ParticipantKey, Instant>,
    due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Voice {
    /// Packets in this interval.
    packets: u32,
    /// Those of them that were loud enough.
    loud_packets: u32,
    /// Loudest level of this interval in −dBov; 127 is silence.
    loudest: u8,
    /// Smoothed linear loudness.
    smooth: f32,
    /// What was said last.
    told: f32,
}

impl SpeakerMeter {
    /// Takes the level of one packet: 0 (loudest) to 127 (silent), in −dBov.
    pub fn handle_level(&mut self, participant: ParticipantKey, level: u8, now: Instant) {
        let voice =
            self.voices.entry(participant).or_insert_with(|| Voice { loudest: 127, ..Voice::default() });
        voice.packets += 1;
        if level <= ACTIVE_LEVEL {
            voice.loud_packets += 1;
            voice.loudest = voice.loudest.min(level);
        }
        self.due.get_or_insert(now + INTERVAL);
    }

    /// Forgets somebody who left.
    pub fn remove(&mut self, participant: ParticipantKey) {
        self.voices.remove(&participant);
        self.heard.remove(&participant);
    }

    /// When [`Self::handle_timeout`] wants to be called; `None`: nobody was heard.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Ends an interval if it is time; returns those whose loudness changed by a step.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Loudness> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        let changed = self
            .voices
            .iter_mut()
            .filter_map(|(&participant, voice)| {
                voice.end_interval().map(|level| Loudness { participant, level })
            })
            .collect();
        for (&participant, _) in self.voices.iter().filter(|(_, voice)| voice.told > 0.0) {
            self.heard.insert(participant, now);
        }
        self.voices.retain(|_, voice| voice.smooth > 0.0 || voice.told > 0.0);
        self.due = (!self.voices.is_empty()).then_some(now + INTERVAL);
        changed
    }

    /// True for somebody who speaks or did so within [`LATELY`].
    #[must_use]
    pub fn spoke_lately(&self, participant: ParticipantKey, now: Instant) -> bool {
        self.heard.get(&participant).is_some_and(|&at| now.saturating_duration_since(at) <= LATELY)
    }

    /// Everybody who speaks now, loudest first.
    #[must_use]
    pub fn speaking(&self) -> Vec<Loudness> {
        let mut all: Vec<_> = self
            .voices
            .iter()
            .filter(|(_, voice)| voice.told > 0.0)
            .map(|(&participant, voice)| Loudness { participant, level: voice.told })
            .collect();
        all.sort_by(|a, b| b.level.total_cmp(&a.level));
        all
    }
}

impl Voice {
    fn end_interval(&mut self) -> Option<f32> {
        // Below this share of loud packets it was a click or a breath.
        let speaks = self.packets > 0 && self.loud_packets * 5 >= self.packets * 2;
        let target = if speaks { 10_f32.powf(-f32::from(self.loudest) / 20.0) } else { 0.0 };
        self.smooth += (target - self.smooth) * SMOOTHING;
        if self.smooth < SILENT {
            self.smooth = 0.0;
        }
        self.packets = 0;
        self.loud_packets = 0;
        self.loudest = 127;
        let step = (self.smooth * 8.0).ceil() / 8.0;
        let changed = (step - self.told).abs() > f32::EPSILON;
        self.told = step;
        changed.then_some(step)
    }
}

/// Time between two looks: short enough for a speaking ring, long enough to hear a syllable.
pub const INTERVAL: Duration = Duration::from_millis(400);

/// Pauses of a speaker are shorter: its picture keeps its rank over them.
pub const LATELY: Duration = Duration::from_secs(10);

/// Levels up to this one count as speech, in −dBov: a voice at arm's length is near 20, a quiet room above 50.
const ACTIVE_LEVEL: u8 = 35;

/// Weight of the newest interval: 2 / (2 + 1), an average over two intervals.
const SMOOTHING: f32 = 0.67;

/// −44 dB: what remains of speech four intervals after its end.
const SILENT: f32 = 0.006;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use super::*;

    const ALICE: ParticipantKey = ParticipantKey(1);

    fn say(meter: &mut SpeakerMeter, level: u8, start: Instant) -> Vec<Loudness> {
        for packet in 0..20 {
            meter.handle_level(ALICE, level, start + Duration::from_millis(20 * packet));
        }
        meter.handle_timeout(start + INTERVAL)
    }

    #[test]
    fn a_voice_is_told_once_and_its_end_once() {
        let start = Instant::now();
        let mut meter = SpeakerMeter::default();
        assert_eq!(say(&mut meter, 20, start).len(), 1);
        assert_eq!(meter.speaking().len(), 1);
        let ends: Vec<_> = (1..12).flat_map(|i| say(&mut meter, 127, start + INTERVAL * i)).collect();
        assert_eq!(ends.last().map(|l| l.level), Some(0.0));
        assert!(meter.speaking().is_empty());
    }

    #[test]
    fn a_quiet_room_is_nobody_speaking() {
        let start = Instant::now();
        let mut meter = SpeakerMeter::default();
        assert!(say(&mut meter, 60, start).is_empty());
        assert_eq!(meter.poll_timeout(), None);
    }
}
