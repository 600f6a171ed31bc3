//! Every corpus through its target, and seeded changes of each input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::PathBuf;

use fuzz::{TARGETS, Target};

/// Changed copies of each input.
const CHANGES: u64 = 8;

#[test]
fn every_corpus_and_its_changes_leave_their_target_whole() {
    let mut broken = Vec::new();
    for target in TARGETS {
        for (name, input) in corpus(target) {
            let changes = (1..=CHANGES).map(|seed| changed(Random(seed), &input));
            let all = std::iter::once(input.clone()).chain(changes);
            let breaks = |input: &Vec<u8>| catch_unwind(|| (target.run)(input)).is_err();
            broken.extend(all.filter(breaks).map(|input| format!("{} by {name}: {input:02x?}", target.name)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// `DAIS_BLESS=1` writes them.
#[test]
fn the_first_inputs_can_be_made() {
    for target in TARGETS {
        let seeds = fuzz::seeds(target.name);
        assert!(!seeds.is_empty(), "{}", target.name);
        if std::env::var_os("DAIS_BLESS").is_some() {
            std::fs::create_dir_all(folder(target.name)).unwrap();
            for (number, seed) in seeds.iter().enumerate() {
                std::fs::write(folder(target.name).join(format!("seed-{number:02}")), seed).unwrap();
            }
        }
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name());
    let folders: BTreeSet<_> = folders.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(folders, TARGETS.iter().map(|target| target.name.to_owned()).collect());
    for target in TARGETS {
        assert!(!corpus(target).is_empty(), "{}", target.name);
    }
}

fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder(target.name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), std::fs::read(file).unwrap())).collect()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// Overwrites, cuts, lengthens and doubles pieces.
fn changed(mut random: Random, input: &[u8]) -> Vec<u8> {
    let mut input = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len());
        match random.below(6) {
            _ if input.is_empty() => input.push(random.byte()),
            0 => input[at] = random.byte(),
            1 => input[at] ^= 1 << random.below(8),
            2 => input.truncate(at),
            3 => input.extend((0..random.below(32)).map(|_| random.byte())),
            4 => input[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            _ => {
                let to = at + random.below(input.len() - at);
                let piece = input[at..to].to_vec();
                input.splice(at..at, piece);
            }
        }
    }
    input
}
