//! What one peer's unfinished messages may cost us in memory.
//!
//! The library counts user bytes, but keeps whole datagrams alive: a one-byte fragment in a large datagram
//! costs a thousand times what it counts. So count datagrams, until the library says that nothing is held.

use crate::demux::MAX_DATAGRAM_BYTES;

/// Counts the datagrams that may still be held for unfinished messages.
#[derive(Debug, Default)]
pub(super) struct ReceiveBudget {
    spent: usize,
}

impl ReceiveBudget {
    /// Notes a packet from the peer; false if too much is held now.
    pub(super) fn note_received(&mut self, packet: &[u8]) -> bool {
        let fragments = chunks(packet).filter(|(kind, _)| *kind == DATA).count();
        if fragments > 0 {
            self.spent += packet.len() + fragments * FRAGMENT_BYTES;
        }
        self.spent <= MAX_HELD_BYTES
    }

    /// Notes a packet to the peer: a SACK with the whole window says that nothing is held but what came after
    /// its gaps (RFC 9260 §3.3.4). The library does not count that against the window.
    pub(super) fn note_sent(&mut self, packet: &[u8]) {
        let mut sacks = chunks(packet).filter(|(kind, _)| *kind == SACK).map(|(_, body)| body);
        if let Some(held) = sacks.find_map(held_after_gaps) {
            self.spent = self.spent.min(held);
        }
    }
}

/// Bytes that are held for fragments after a gap, at most; `None` when the window is not whole.
fn held_after_gaps(sack: &[u8]) -> Option<usize> {
    let (window, gaps) = (sack.get(4..8)?, usize::from(u16::from_be_bytes(*sack.get(8..)?.first_chunk()?)));
    if window != RECEIVE_WINDOW_BYTES.to_be_bytes() {
        return None;
    }
    let (blocks, _) = sack.get(12..)?.as_chunks::<4>();
    let fragments = blocks.iter().take(gaps).map(|&[a, b, c, d]| {
        let (start, end) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        usize::from(end.saturating_sub(start)) + 1
    });
    Some(fragments.sum::<usize>() * (MAX_DATAGRAM_BYTES + FRAGMENT_BYTES))
}

/// Kind and body of each chunk of a packet; ends at the first that does not fit (RFC 9260 §3.2).
fn chunks(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = packet.get(COMMON_HEADER_BYTES..).unwrap_or_default();
    std::iter::from_fn(move || {
        let header: &[u8; CHUNK_HEADER_BYTES] = rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let body = rest.get(CHUNK_HEADER_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((header[0], body))
    })
}

/// Our receive window: 20 Mb/s at 100 ms.
pub(super) const RECEIVE_WINDOW_BYTES: u32 = 256 * 1024;
/// A peer that fills the window with fragments of usual size stays below a third of this.
const MAX_HELD_BYTES: usize = 1 << 20;
/// The library's own record of a fragment, about.
const FRAGMENT_BYTES: usize = 128;
const COMMON_HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 4;
const DATA: u8 = 0;
const SACK: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, body: &[u8], filler: usize) -> Vec<u8> {
        let mut packet = vec![0; COMMON_HEADER_BYTES];
        let length = u16::try_from(CHUNK_HEADER_BYTES + body.len()).unwrap();
        packet.extend_from_slice(&[kind, 3]);
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(body);
        packet.resize(packet.len().next_multiple_of(4) + filler, 0xff);
        packet
    }

    #[test]
    fn tiny_fragments_in_large_datagrams_are_counted_as_datagrams() {
        let mut budget = ReceiveBudget::default();
        let fragment = packet(DATA, &[0; 13], 1100);
        let taken = (0..10_000).take_while(|_| budget.note_received(&fragment)).count();
        assert!((700..900).contains(&taken), "{taken}");
    }

    #[test]
    fn an_open_window_says_that_nothing_is_held() {
        let mut budget = ReceiveBudget::default();
        let fragment = packet(DATA, &[0; 1000], 0);
        let sack = |window: u32| packet(SACK, &[&[0; 4], &window.to_be_bytes()[..], &[0; 4]].concat(), 0);
        assert_eq!(held_after_gaps(&[]), None);
        for _ in 0..100_000 {
            assert!(budget.note_received(&fragment));
            budget.note_sent(&sack(RECEIVE_WINDOW_BYTES));
        }
        let held = (0..10_000).take_while(|_| {
            budget.note_sent(&sack(RECEIVE_WINDOW_BYTES - 1));
            budget.note_received(&fragment)
        });
        assert!(held.count() < 1000);
    }

    #[test]
    fn what_comes_after_a_gap_is_held_although_the_window_is_open() {
        let fragment = packet(DATA, &[0; 1000], 0);
        let gaps = |count: u16| {
            let blocks = (0..count).flat_map(|n| [2 * n + 2, 2 * n + 2].map(u16::to_be_bytes));
            let head =
                [&[0; 4], &RECEIVE_WINDOW_BYTES.to_be_bytes()[..], &count.to_be_bytes(), &[0; 2]].concat();
            packet(SACK, &[head, blocks.flatten().collect()].concat(), 0)
        };
        let mut budget = ReceiveBudget::default();
        let taken = (1..2000).take_while(|&count| {
            let fits = budget.note_received(&fragment);
            budget.note_sent(&gaps(count));
            fits
        });
        assert!((600..1000).contains(&taken.count()));
        let mut budget = ReceiveBudget::default();
        for _ in 0..100_000 {
            assert!(budget.note_received(&fragment));
            budget.note_sent(&gaps(20));
        }
    }

    #[test]
    fn chunks_that_lie_about_their_length_end_the_list() {
        for length in 0..=255 {
            let mut packet = packet(DATA, &[0; 20], 0);
            packet[15] = length;
            assert!(chunks(&packet).count() <= 8);
        }
        assert_eq!(chunks(&[]).count(), 0);
    }
}
