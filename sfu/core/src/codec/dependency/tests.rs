use super::samples::{self, BitString, L2T2, L3T3_KEY};
use super::*;
use crate::codec::layer::Indication;

fn structure(templates: &[samples::Sample]) -> Structure {
    let bytes = samples::key((true, true), 20, 7, templates);
    *Descriptor::parse(&bytes, None).unwrap().structure.unwrap()
}

#[test]
fn a_key_frame_brings_the_structure_by_which_later_frames_are_read() {
    let bytes = samples::key((true, false), 60, 65_535, &L3T3_KEY);
    let key = Descriptor::parse(&bytes, None).unwrap();
    assert_eq!((key.starts_frame, key.ends_frame, key.frame_number), (true, false, 65_535));
    assert!(key.is_independent && key.active_targets.is_none());
    assert!(LayerId::all().all(|target| key.indications.of(target) == Indication::Switch));
    let structure = key.structure.unwrap();
    assert_eq!((structure.targets(), structure.chains(), structure.all_targets()), (9, 3, 0x1ff));
    for (target, layer) in structure.target_layers() {
        assert_eq!(usize::from(target), layer.place());
        assert_eq!(structure.target_of(layer), Some(target));
    }
    // Template 7 of the structure: its ids begin at 60 and go on at 0.
    let delta = Descriptor::parse(&samples::plain((true, true), 3, 6), Some(&structure)).unwrap();
    assert_eq!((delta.layer, delta.references), (LayerId { spatial: 1, temporal: 1 }, 1 << 5));
    let part: Vec<_> = LayerId::all().map(|target| delta.indications.of(target)).collect();
    let (none, discardable, switch) = (Indication::NotPresent, Indication::Discardable, Indication::Switch);
    assert_eq!(part, [none, none, none, none, discardable, switch, none, none, none]);
    assert!(!delta.is_independent);
}

#[test]
fn a_frame_may_differ_from_its_template() {
    let structure = structure(&L2T2);
    let mut bits = samples::mandatory((true, true), 21, 9);
    // Active targets, indications, references, chains.
    bits.put(0b0_1111, 5);
    bits.put(0b0011, 4);
    bits.put(0b11_10_01_00, 8);
    for (nibbles, difference) in [(1, 3), (2, 40), (3, 2_000)] {
        bits.put(nibbles, 2);
        bits.put(difference - 1, 4 * nibbles);
    }
    bits.put(0, 2);
    bits.put(0x0102, 16);
    let read = Descriptor::parse(&bits.bytes(), Some(&structure)).unwrap();
    assert_eq!(read.active_targets, Some(3));
    // What lies further back than 32 frames is known to exist only.
    assert_eq!((read.references, read.is_independent), (1 << 2, false));
    assert_eq!(read.indications.of(LayerId { spatial: 0, temporal: 0 }), Indication::Required);
    assert_eq!(read.indications.of(LayerId { spatial: 0, temporal: 2 }), Indication::Switch);
    assert_eq!(read.indications.of(LayerId { spatial: 1, temporal: 0 }), Indication::Discardable);
    let cut = &bits.bytes()[..bits.bytes().len() - 2];
    assert_eq!(Descriptor::parse(cut, Some(&structure)), Err(DescriptorError::Truncated));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let structure = structure(&L2T2);
    let plain = |template| samples::plain((true, true), template, 1);
    assert_eq!(Descriptor::parse(&plain(20), None), Err(DescriptorError::NoStructure));
    for template in [19, 28, 0, 63] {
        let read = Descriptor::parse(&plain(template), Some(&structure));
        assert_eq!(read, Err(DescriptorError::UnknownTemplate(template)));
    }
    assert_eq!(Descriptor::parse(&[0xc0, 1], Some(&structure)), Err(DescriptorError::Truncated));
    // Templates without end, and spatial layers without end.
    for step in [0, 1, 2] {
        let mut bits = samples::mandatory((true, true), 0, 1);
        bits.put(0b1_0000, 5);
        bits.put(0, 11);
        (0..200).for_each(|_| bits.put(step, 2));
        assert_eq!(Descriptor::parse(&bits.bytes(), None), Err(DescriptorError::OutOfBounds));
    }
    let key = samples::key((true, true), 0, 1, &L3T3_KEY);
    for len in 0..key.len() {
        assert!(Descriptor::parse(&key[..len], None).is_err(), "{len} bytes");
    }
}

#[test]
fn layers_that_are_not_told_apart_count_as_the_highest() {
    let mut bits = samples::mandatory((true, true), 0, 1);
    bits.put(0b1_0000, 5);
    bits.put(0, 6);
    // Two decode targets: (0, 0) and (0, 4).
    bits.put(1, 5);
    [1, 1, 1, 1, 3].into_iter().for_each(|step| bits.put(step, 2));
    bits.put(0b10_10, 4);
    (0..4).for_each(|_| bits.put(0b00_11, 4));
    (0..5).for_each(|_| bits.put(0, 1));
    bits.put(0, 2);
    bits.put(0, 1);
    let structure = Descriptor::parse(&bits.bytes(), None).unwrap().structure.unwrap();
    let of = |spatial, temporal| structure.target_of(LayerId { spatial, temporal });
    assert_eq!([of(0, 0), of(0, 1), of(0, 2), of(1, 2)], [Some(0), Some(0), Some(1), None]);
}

fn rewritten(bytes: &[u8], number: u16, active: Option<ActiveTargets>) -> Vec<u8> {
    let mut out = [0xff; MAX_DESCRIPTOR_BYTES];
    let len = rewrite(bytes, number, active, &mut out).unwrap();
    out[..len].to_vec()
}

#[test]
fn a_rewrite_changes_the_number_and_the_active_targets_and_nothing_else() {
    let known = structure(&L3T3_KEY);
    let mut full = samples::mandatory((false, true), 21, 9);
    full.put(0b0_1111, 5);
    full.put(0x1ff, 9);
    (0..9).for_each(|_| full.put(0b11, 2));
    full.put(0b0100_1000, 8);
    full.put(0x01_02_03, 24);
    let cases = [
        ("plain", samples::plain((true, false), 23, 0xfffe)),
        ("key", samples::key((true, true), 20, 0xffff, &L3T3_KEY)),
        ("own fields", full.bytes()),
    ];
    for (name, bytes) in cases {
        let read = Descriptor::parse(&bytes, Some(&known)).unwrap();
        for active in [None, Some(ActiveTargets { mask: 0b111, count: 9 })] {
            let again = Descriptor::parse(&rewritten(&bytes, 0x1234, active), Some(&known)).unwrap();
            let active_targets = active.map_or(read.active_targets, |active| Some(active.mask));
            let wanted = Descriptor { frame_number: 0x1234, active_targets, ..read.clone() };
            assert_eq!(again, wanted, "{name}");
        }
    }
    // Flags and nine targets take two bytes.
    let plain = samples::plain((true, false), 23, 0xfffe);
    assert_eq!(
        rewritten(&plain, 1, Some(ActiveTargets { mask: 0b1_0000_0111, count: 9 })),
        [0x97, 0, 1, 0b0100_0100, 0b0001_1100]
    );
}

#[test]
fn a_rewrite_never_writes_beyond_a_descriptors_greatest_length() {
    let active = Some(ActiveTargets { mask: u32::MAX, count: 32 });
    let mut out = [0; MAX_DESCRIPTOR_BYTES];
    for len in [0, 1, 2, 250, 254, 255, 256, 1_000] {
        let bytes = vec![0; len];
        let _ = rewrite(&bytes, 1, active, &mut out);
        let copied = rewrite(&bytes, 1, None, &mut out);
        assert_eq!(copied.is_some(), (3..=255).contains(&len), "{len} bytes");
    }
    let mut bits = BitString::default();
    (0..2_040).for_each(|_| bits.put(1, 1));
    assert_eq!(rewrite(&bits.bytes(), 1, active, &mut out), None);
}
