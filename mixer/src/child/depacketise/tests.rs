use super::*;

/// VP8 payload: S bit on the first packet, then the frame tag.
fn vp8(begins: bool, tag: u8) -> Bytes {
    Bytes::copy_from_slice(&[if begins { 0x10 } else { 0 }, tag, 0x55])
}

fn piece(ticks: i64, marker: bool, payload: Bytes) -> Piece {
    Piece { ticks, arrival: Duration::from_millis(1), marker, payload }
}

fn feed(depacketiser: &mut Depacketiser, piece: Piece, after_gap: bool) -> Vec<(i64, bool)> {
    let mut frames = Vec::new();
    depacketiser.handle(piece, after_gap, |frame| frames.push((frame.ticks, frame.keyframe)));
    frames
}

const KEY: u8 = 0;
const DELTA: u8 = 1;

#[test]
fn nothing_passes_before_the_first_keyframe() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    assert_eq!(feed(&mut vp8s, piece(0, true, vp8(true, DELTA)), false), []);
    assert!(vp8s.awaits_keyframe());
    assert_eq!(feed(&mut vp8s, piece(3_000, true, vp8(true, KEY)), false), [(3_000, true)]);
    assert_eq!(feed(&mut vp8s, piece(6_000, true, vp8(true, DELTA)), false), [(6_000, false)]);
}

#[test]
fn after_a_gap_frames_are_dropped_until_a_keyframe() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    feed(&mut vp8s, piece(0, true, vp8(true, KEY)), false);
    assert_eq!(feed(&mut vp8s, piece(3_000, false, vp8(true, DELTA)), false), []);
    assert_eq!(feed(&mut vp8s, piece(6_000, true, vp8(true, DELTA)), true), []);
    assert_eq!(feed(&mut vp8s, piece(9_000, true, vp8(true, DELTA)), false), []);
    assert_eq!(vp8s.dropped(), 3);
    assert_eq!(feed(&mut vp8s, piece(12_000, true, vp8(true, KEY)), false), [(12_000, true)]);
}

#[test]
fn a_keyframe_behind_the_gap_passes_at_once() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    feed(&mut vp8s, piece(0, true, vp8(true, KEY)), false);
    assert_eq!(feed(&mut vp8s, piece(3_000, true, vp8(true, KEY)), true), [(3_000, true)]);
}

#[test]
fn a_keyframe_whose_start_is_missing_does_not_pass() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    assert_eq!(feed(&mut vp8s, piece(0, true, vp8(false, KEY)), true), []);
    assert!(vp8s.awaits_keyframe());
}

#[test]
fn padding_leaves_no_gap_in_a_frame() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    assert_eq!(feed(&mut vp8s, piece(0, false, vp8(true, KEY)), false), []);
    assert_eq!(feed(&mut vp8s, piece(0, false, Bytes::new()), false), []);
    assert_eq!(feed(&mut vp8s, piece(0, true, vp8(false, KEY)), false), [(0, true)]);
}

#[test]
fn a_frame_without_its_marker_ends_where_the_next_begins() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    assert_eq!(feed(&mut vp8s, piece(0, false, vp8(true, KEY)), false), []);
    assert_eq!(feed(&mut vp8s, piece(3_000, true, vp8(true, DELTA)), false), [(0, true), (3_000, false)]);
}

#[test]
fn a_frame_without_end_is_bounded() {
    let mut vp8s = Depacketiser::new(Codec::Vp8);
    let mut big = vec![0x10, KEY];
    big.resize(60_000, 0);
    feed(&mut vp8s, piece(0, false, big.clone().into()), false);
    big[0] = 0;
    for _ in 0..200 {
        feed(&mut vp8s, piece(0, false, big.clone().into()), false);
    }
    assert!(vp8s.assembly.is_none());
    assert!(vp8s.awaits_keyframe());
}

#[test]
fn sound_passes_over_a_gap() {
    let mut opus = Depacketiser::new(Codec::Opus);
    assert_eq!(feed(&mut opus, piece(960, false, Bytes::from_static(&[1])), true), [(960, true)]);
    assert!(!opus.awaits_keyframe());
}

/// Whatever a publisher sends: no panic, and memory stays bounded.
#[test]
fn random_payloads_break_nothing() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264] {
        let mut depacketiser = Depacketiser::new(codec);
        for number in 0..20_000_i64 {
            let [length, marker, gap, same, first, second, ..] = random();
            let mut payload = vec![first, second];
            payload.extend(std::iter::repeat_with(&mut random).flatten().take(usize::from(length)));
            payload.truncate(usize::from(length));
            let ticks = if same < 128 { number } else { 0 };
            feed(&mut depacketiser, piece(ticks, marker < 64, payload.into()), gap < 8);
            let held = depacketiser.assembly.as_ref().map_or(0, |assembly| assembly.data.len());
            assert!(held <= MAX_FRAME_BYTES);
        }
    }
}
