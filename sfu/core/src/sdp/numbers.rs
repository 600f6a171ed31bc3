//! Payload types of our own offers: one number for one meaning as long as the peer connection lives.

use std::collections::BTreeMap;

use super::Codec;
use crate::rtp::Pt;

/// Gives each codec with its parameters a payload type, and one for its RTX.
///
/// In a BUNDLE group a number must not stand for two configurations (RFC 9143 §9.1), and publishers differ
/// in their parameters, so numbers are given out as they are needed.
#[derive(Debug, Default)]
pub(super) struct PayloadTypes {
    known: BTreeMap<(Codec, String), (Pt, Option<Pt>)>,
    taken: Vec<Pt>,
}

impl PayloadTypes {
    /// The numbers of a codec with these parameters: media, and RTX for video.
    pub(super) fn of(&mut self, codec: Codec, fmtp: &str) -> (Pt, Option<Pt>) {
        let key = (codec, fmtp.to_owned());
        if let Some(&numbers) = self.known.get(&key) {
            return numbers;
        }
        let (media, rtx) = usual(codec);
        let numbers = (self.take(media), rtx.map(|rtx| self.take(rtx)));
        self.known.insert(key, numbers);
        numbers
    }

    /// Forgets configurations that no track has any more, once half of all numbers are given out: a publisher
    /// that comes with ever new parameters must not use up the numbers of everybody who receives it.
    pub(super) fn keep(&mut self, is_used: impl Fn(Codec, &str) -> bool) {
        if self.taken.len() < MANY {
            return;
        }
        self.known.retain(|(codec, fmtp), _| is_used(*codec, fmtp));
        let numbers = self.known.values().flat_map(|&(media, rtx)| [Some(media), rtx]);
        self.taken = numbers.flatten().collect();
    }

    /// The wished number, or the next free dynamic one. When all are taken the wished one is used again:
    /// sixty configurations in one call would need sixty kinds of publisher.
    fn take(&mut self, wished: u8) -> Pt {
        let wished = Pt::new(wished).expect("the usual numbers are payload types");
        let dynamic = (96..=127).chain(35..=63).filter_map(Pt::new);
        let reserved = |pt: &Pt| {
            ALL.iter().any(|&codec| {
                let (media, rtx) = usual(codec);
                pt.get() == media || Some(pt.get()) == rtx
            })
        };
        let free = std::iter::once(wished).chain(dynamic.filter(|pt| !reserved(pt)));
        let pt = free.into_iter().find(|pt| !self.taken.contains(pt)).unwrap_or(wished);
        self.taken.push(pt);
        pt
    }
}

/// Half of the dynamic numbers, 96 to 127 and 35 to 63.
const MANY: usize = 30;

/// The numbers that browsers use themselves, so that logs read alike.
const fn usual(codec: Codec) -> (u8, Option<u8>) {
    match codec {
        Codec::Opus => (111, None),
        Codec::Red => (63, None),
        Codec::Vp8 => (96, Some(97)),
        Codec::Vp9 => (98, Some(99)),
        Codec::H264 => (102, Some(103)),
        Codec::Av1 => (45, Some(46)),
    }
}

const ALL: [Codec; 6] = [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parameters_share_a_number_and_others_never_do() {
        let mut numbers = PayloadTypes::default();
        let baseline = numbers.of(Codec::H264, "profile-level-id=42e01f");
        let main = numbers.of(Codec::H264, "profile-level-id=4d001f");
        assert_eq!(baseline, (Pt::new(102).unwrap(), Pt::new(103)));
        assert_eq!(numbers.of(Codec::H264, "profile-level-id=42e01f"), baseline);
        let all = [baseline.0, baseline.1.unwrap(), main.0, main.1.unwrap()];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn a_hundred_configurations_do_not_run_out_of_valid_numbers() {
        let mut numbers = PayloadTypes::default();
        for turn in 0..100 {
            numbers.of(Codec::H264, &format!("profile-level-id={turn}"));
        }
        assert_eq!(numbers.of(Codec::Opus, "").0.get(), 111);
    }
}
