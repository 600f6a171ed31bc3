use super::*;

fn boxed(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
    bytes.extend(kind.as_bytes());
    bytes.extend(body);
    bytes
}

fn init() -> Vec<u8> {
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[5, 0, 2, 0xd0]);
    entry.extend(boxed("avcC", &[1, 0x4d, 0x40, 0x1f, 0xff]));
    let mut stsd = vec![0, 0, 0, 0, 0, 0, 0, 1];
    stsd.extend(boxed("avc1", &entry));
    let mut mdhd = vec![0; 24];
    mdhd[12..16].copy_from_slice(&3_000_u32.to_be_bytes());
    let stbl = boxed("minf", &boxed("stbl", &boxed("stsd", &stsd)));
    let mdia = [boxed("mdhd", &mdhd), stbl].concat();
    [boxed("ftyp", b"cmf2"), boxed("moov", &boxed("trak", &boxed("mdia", &mdia)))].concat()
}

/// A fragment of two samples of 100 ticks by default, or with their own lengths.
fn fragment(decode_time: u64, own: Option<[u32; 2]>) -> Vec<u8> {
    let mut tfdt = vec![1, 0, 0, 0];
    tfdt.extend(decode_time.to_be_bytes());
    let tfhd = [&[0, 2, 0, 0x08][..], &1_u32.to_be_bytes(), &100_u32.to_be_bytes()].concat();
    // Data offset, then per sample (duration,) size.
    let mut trun = vec![0, 0, if own.is_some() { 3 } else { 2 }, 1];
    trun.extend(2_u32.to_be_bytes());
    trun.extend(0_u32.to_be_bytes());
    for sample in 0..2 {
        if let Some(own) = own {
            trun.extend(own[sample].to_be_bytes());
        }
        trun.extend(9_u32.to_be_bytes());
    }
    let traf = [boxed("tfhd", &tfhd), boxed("tfdt", &tfdt), boxed("trun", &trun)].concat();
    [boxed("moof", &boxed("traf", &traf)), boxed("mdat", &[7; 18])].concat()
}

#[test]
fn an_init_segment_tells_its_clock_and_codec() {
    assert_eq!(
        read_init(&init()),
        Ok(Track {
            timescale: 3_000,
            codecs: "avc1.4d401f".into(),
            kind: TrackKind::Video { width: 1280, height: 720 }
        })
    );
}

#[test]
fn a_segment_tells_its_time_over_all_fragments() {
    let segment = [boxed("styp", b"msdh"), fragment(1 << 40, None), fragment(7, Some([3, 5]))].concat();
    let time = read_segment(&segment).unwrap();
    assert_eq!(time, SegmentTime { decode_time: 1 << 40, duration: 208, samples: 4 });
    assert_eq!(time.length(1_000), Duration::from_millis(208));
}

#[test]
fn bytes_cut_anywhere_but_between_boxes_are_noticed() {
    let segment = [boxed("styp", b"msdh"), fragment(0, None)].concat();
    let borders = [0, 12, segment.len() - 26];
    for cut in 0..segment.len() {
        assert_eq!(whole(&segment[..cut]).is_ok(), borders.contains(&cut), "cut at {cut}");
        let _ = read_segment(&segment[..cut]);
        let _ = read_init(&init()[..cut.min(init().len())]);
    }
    assert_eq!(read_init(&init()[..20]), Err(Fmp4Error::Cut { offset: 12, claimed: 187, available: 8 }));
}

#[test]
fn absurd_sizes_are_refused_without_a_panic() {
    for size in [2_u32, 7, u32::MAX] {
        let mut bytes = size.to_be_bytes().to_vec();
        bytes.extend(b"moov0000");
        assert!(whole(&bytes).is_err(), "{size}");
    }
    let large = [&1_u32.to_be_bytes()[..], b"mdat", &u64::MAX.to_be_bytes()].concat();
    assert!(whole(&large).is_err());
    let mut trun = vec![0, 0, 1, 0];
    trun.extend(u32::MAX.to_be_bytes());
    assert_eq!(read_run(&trun, 0), Err(Fmp4Error::Short("trun")));
}

#[test]
fn lengths_that_do_not_fit_stay_at_the_largest_number() {
    // Flags without durations: samples times the default duration.
    let run = [&[0, 0, 0, 0][..], &u32::MAX.to_be_bytes()].concat();
    let traf = [
        boxed("tfhd", &[&[0, 0, 0, 8][..], &1_u32.to_be_bytes(), &u32::MAX.to_be_bytes()].concat()),
        boxed("tfdt", &[0; 8]),
        boxed("trun", &run),
        boxed("trun", &run),
    ];
    let fragment = boxed("moof", &boxed("traf", &traf.concat()));
    let time = read_segment(&[fragment.clone(), fragment].concat()).unwrap();
    assert_eq!((time.duration, time.samples), (u64::MAX, 4 * u64::from(u32::MAX)));
}
