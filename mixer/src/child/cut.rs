//! ⑦ Where segments begin: at multiples of the segment length on the running clock, the same in every
//! rendition. Arithmetic only.

use std::time::Duration;

/// A frame that is due at a border may be a rounding error early: 100 µs for 90 kHz ticks and nanoseconds of
/// thirds, a thirtieth of the shortest frame.
const TOLERANCE: Duration = Duration::from_micros(1_000);

/// The borders of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Borders {
    segment: Duration,
}

impl Borders {
    /// For this length of segments, not zero.
    pub(crate) fn new(segment: Duration) -> Self {
        Self { segment: segment.max(Duration::from_millis(1)) }
    }

    /// In which segment of the run something at `running` lies, from 0.
    pub(crate) fn index(&self, running: Duration) -> u64 {
        let index = (running + TOLERANCE).as_nanos() / self.segment.as_nanos();
        u64::try_from(index).unwrap_or(u64::MAX)
    }
}

/// Watches one stream pass the borders.
#[derive(Debug)]
pub(crate) struct Crossing {
    borders: Borders,
    index: u64,
}

impl Crossing {
    /// At the beginning of the run.
    pub(crate) fn new(borders: Borders) -> Self {
        Self { borders, index: 0 }
    }

    /// The new segment's index, once, when something at `running` is the first behind a border.
    pub(crate) fn pass(&mut self, running: Duration) -> Option<u64> {
        let index = self.borders.index(running);
        (index > self.index).then(|| {
            self.index = index;
            index
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_border_is_crossed_once_by_the_first_frame_at_or_behind_it() {
        let mut crossing = Crossing::new(Borders::new(Duration::from_secs(2)));
        let frames = (0..240_u64).map(|frame| Duration::from_nanos(frame * 1_000_000_000 / 30));
        let crossed: Vec<(usize, u64)> =
            frames.enumerate().filter_map(|(n, at)| Some((n, crossing.pass(at)?))).collect();
        assert_eq!(crossed, [(60, 1), (120, 2), (180, 3)]);
    }

    #[test]
    fn sound_crosses_with_its_first_packet_behind_the_border() {
        let mut crossing = Crossing::new(Borders::new(Duration::from_secs(2)));
        let packet = |n: u64| Duration::from_nanos(n * 1_024 * 1_000_000_000 / 48_000);
        let crossed: Vec<u64> = (0..200_u64).filter(|&n| crossing.pass(packet(n)).is_some()).collect();
        assert_eq!(crossed, [94, 188]);
    }
}
