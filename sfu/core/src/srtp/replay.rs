//! Which indices were seen (RFC 3711 §3.3.2), and which index a sequence number means.

use crate::rtp::SeqIndex;

/// Sliding window over the 48-bit index of one SSRC.
///
/// [`Self::accept`] is called only for authentic packets, so a forged packet moves nothing.
#[derive(Debug, Clone)]
pub(super) struct ReplayWindow {
    highest: u64,
    /// Bit `n` of the whole: `highest - n` was seen.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Starts at the first authentic packet.
    pub(super) fn new(first: u64) -> Self {
        let mut seen = [0; WORDS];
        seen[0] = 1;
        Self { highest: first, seen }
    }

    /// The index that a sequence number most likely means: the nearest to the highest (RFC 3711 §3.3.1).
    pub(super) fn guess(&self, sequence_number: u16) -> SeqIndex {
        let low = u16::from_be_bytes([self.highest.to_be_bytes()[6], self.highest.to_be_bytes()[7]]);
        let step = sequence_number.wrapping_sub(low).cast_signed();
        // Below zero there is no index: the number then belongs to the next round.
        let index = self.highest.checked_add_signed(i64::from(step));
        SeqIndex(index.unwrap_or_else(|| 0x1_0000 + u64::from(sequence_number)))
    }

    /// False if the index was seen, or is too old to tell.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(age) => place(age).is_some_and(|(word, bit)| self.seen[word] & bit == 0),
        }
    }

    /// Notes an authentic packet.
    pub(super) fn accept(&mut self, index: u64) {
        if let Some(age) = self.highest.checked_sub(index) {
            if let Some((word, bit)) = place(age) {
                self.seen[word] |= bit;
            }
        } else {
            self.shift(index - self.highest);
            self.highest = index;
            self.seen[0] |= 1;
        }
    }

    fn shift(&mut self, steps: u64) {
        let Ok(steps) = usize::try_from(steps) else {
            self.seen = [0; WORDS];
            return;
        };
        let (words, bits) = (steps / 64, steps % 64);
        for word in (0..WORDS).rev() {
            let upper = word.checked_sub(words).map_or(0, |from| self.seen[from]);
            let lower = word.checked_sub(words + 1).map_or(0, |from| self.seen[from]);
            self.seen[word] = if bits == 0 { upper } else { upper << bits | lower >> (64 - bits) };
        }
    }
}

/// Word and bit of an age; `None` outside the window.
fn place(age: u64) -> Option<(usize, u64)> {
    let age = usize::try_from(age).ok().filter(|&age| age < 64 * WORDS)?;
    Some((age / 64, 1 << (age % 64)))
}

/// 512 packets: half a second of a 10 Mb/s stream may arrive late. RFC 3711 asks for at least 64.
const WORDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_new_once_and_never_again() {
        let mut window = ReplayWindow::new(1000);
        assert!(!window.is_new(1000));
        for index in [1001, 1003, 1002, 999, 1500, 1100, 1513, 1577, 2000] {
            assert!(window.is_new(index), "{index}");
            window.accept(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert!(window.is_new(1999));
        assert!(!window.is_new(2000 - 512), "too old to tell");
        assert!(!window.is_new(1513) && !window.is_new(1577));
    }

    #[test]
    fn agrees_with_a_set_over_a_random_walk() {
        let mut random = 1_u64;
        let mut window = ReplayWindow::new(10_000);
        let (mut seen, mut highest) = (std::collections::BTreeSet::from([10_000_u64]), 10_000_u64);
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = (highest + (random >> 33) % 700).saturating_sub(600);
            let wanted = index > highest || (highest - index < 512 && !seen.contains(&index));
            assert_eq!(window.is_new(index), wanted);
            if wanted {
                window.accept(index);
                seen.insert(index);
                highest = highest.max(index);
            }
        }
    }

    #[test]
    fn a_guess_crosses_the_wrap_in_both_directions() {
        let window = ReplayWindow::new(65_530);
        assert_eq!(window.guess(65_531), SeqIndex(65_531));
        assert_eq!(window.guess(5), SeqIndex(65_541));
        let window = ReplayWindow::new(65_541);
        assert_eq!(window.guess(65_530), SeqIndex(65_530));
        let window = ReplayWindow::new(5);
        assert_eq!(window.guess(65_530), SeqIndex(0x1_0000 + 65_530), "no index lies below zero");
    }
}
