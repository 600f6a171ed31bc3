use super::*;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

/// Cuts, doubles, swaps and overwrites pieces of real offers; whatever parses is answered, and the answer
/// parses again with the same number of sections.
#[test]
fn mutated_offers_never_panic_and_answers_stay_well_formed() {
    let mut parsed = 0;
    for seed in 0..4000 {
        let mut random = Random(seed);
        let mut lines: Vec<String> = BROWSERS[random.below(3)].lines().map(str::to_owned).collect();
        for _ in 0..=random.below(8) {
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            match random.below(5) {
                0 => drop(lines.remove(from)),
                1 => lines.swap(from, to),
                2 => lines.insert(to, lines[from].clone()),
                3 => {
                    let cut = random.below(lines[from].len() + 1);
                    let cut = lines[from].floor_char_boundary(cut);
                    lines[from].truncate(cut);
                }
                _ => {
                    let mut bytes = std::mem::take(&mut lines[from]).into_bytes();
                    if !bytes.is_empty() {
                        let place = random.below(bytes.len());
                        bytes[place] = u8::try_from(random.below(256)).unwrap();
                    }
                    lines[from] = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
        let Ok(offer) = SessionDescription::parse(&lines.join("\r\n")) else { continue };
        parsed += 1;
        if let Ok(answer) = with_local(|local| answer(&offer, local, &[])) {
            let read = SessionDescription::parse(&answer.sdp);
            let read = read.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", answer.sdp));
            assert_eq!(read.media.len(), offer.media.len(), "seed {seed}");
        }
    }
    assert!(parsed > 1000, "most mutations still parse: {parsed}");
}
