use super::*;
use crate::rtp::Pt;

/// A VP8 descriptor with all fields: 15-bit picture id, TL0PICIDX, TID and KEYIDX.
fn vp8(id: u16, tl0: u8, tid: u8, payload_header: u8) -> Vec<u8> {
    let id = (0x8000 | id).to_be_bytes();
    vec![0x90, 0xf0, id[0], id[1], tl0, tid << 6, payload_header, 1, 2, 3]
}

#[test]
fn a_vp8_descriptor_is_read_and_rewritten_in_place() {
    let mut payload = vp8(0x7ffe, 255, 2, 0);
    let descriptor = Vp8Descriptor::parse(&payload).unwrap();
    assert_eq!(descriptor.picture_id.unwrap().number(), 0x7ffe);
    assert_eq!(descriptor.tl0_picture, Some(255));
    assert_eq!((descriptor.temporal, descriptor.len), (2, 6));
    assert!(descriptor.starts_keyframe(&payload));
    descriptor.rewrite(&mut payload, 5, 7);
    let rewritten = Vp8Descriptor::parse(&payload).unwrap();
    assert_eq!(rewritten.picture_id.unwrap().number(), 5);
    assert_eq!(rewritten.tl0_picture, Some(7));
    assert_eq!(payload[6..], [0, 1, 2, 3]);
}

#[test]
fn a_short_vp8_picture_id_stays_short() {
    let mut payload = vec![0x90, 0x80, 0x7f, 0x01];
    let descriptor = Vp8Descriptor::parse(&payload).unwrap();
    assert_eq!(descriptor.picture_id.unwrap().mask(), 0x7f);
    descriptor.rewrite(&mut payload, 0x81, 9);
    assert_eq!(payload, [0x90, 0x80, 0x01, 0x01]);
}

#[test]
fn only_the_first_packet_of_an_intra_frame_starts_a_vp8_keyframe() {
    let cases = [
        ("intra, first packet", vec![0x10, 0x00], true),
        ("inter, first packet", vec![0x10, 0x01], false),
        ("intra, later packet", vec![0x00, 0x00], false),
        ("intra, second partition", vec![0x11, 0x00], false),
        ("descriptor only", vec![0x10], false),
    ];
    for (name, payload, expected) in cases {
        assert_eq!(PayloadFacts::read(Codec::Vp8, false, &payload).starts_keyframe, expected, "{name}");
    }
}

#[test]
fn h264_keyframes_are_found_in_every_packetisation() {
    let cases: [(&str, &[u8], bool); 11] = [
        ("IDR", &[0x65, 1], true),
        ("SPS", &[0x67, 1], true),
        ("slice", &[0x61, 1], false),
        ("PPS", &[0x68, 1], false),
        ("STAP-A of SPS and PPS", &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true),
        ("STAP-A of PPS and IDR", &[0x78, 0, 2, 0x68, 1, 0, 2, 0x65, 1], true),
        ("STAP-A of slices", &[0x78, 0, 2, 0x61, 1, 0, 2, 0x61, 1], false),
        ("STAP-A cut", &[0x78, 0, 9, 0x61], false),
        ("FU-A, first fragment of IDR", &[0x7c, 0x85, 1], true),
        ("FU-A, later fragment of IDR", &[0x7c, 0x05, 1], false),
        ("FU-A, first fragment of a slice", &[0x7c, 0x81, 1], false),
    ];
    for (name, payload, expected) in cases {
        assert_eq!(h264::starts_keyframe(payload), expected, "{name}");
    }
}

#[test]
fn vp9_keyframes_start_at_the_lowest_spatial_layer() {
    let cases: [(&str, &[u8], bool); 6] = [
        ("no layers", &[0x88, 0x81, 0x00], true),
        ("predicted", &[0xc8, 0x81, 0x00], false),
        ("not the beginning", &[0x80, 0x81, 0x00], false),
        ("lowest layer, long id", &[0xa8, 0x81, 0x00, 0x00, 0x07], true),
        ("higher layer, long id", &[0xa8, 0x81, 0x00, 0x02, 0x07], false),
        ("cut", &[0xa8, 0x81], false),
    ];
    for (name, payload, expected) in cases {
        let starts = Vp9Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_keyframe());
        assert_eq!(starts, expected, "{name}");
    }
}

#[test]
fn every_field_of_a_vp9_descriptor_is_read() {
    // I, L, B, E; long id; TID 2, U, SID 1, D; TL0PICIDX.
    let plain = Vp9Descriptor::parse(&[0xac, 0xff, 0xfe, 0x53, 9, 1]).unwrap();
    assert_eq!((plain.picture_id, plain.tl0_picture), (Some(PictureId::Long(0x7ffe)), Some(9)));
    assert_eq!((plain.spatial, plain.temporal), (1, 2));
    assert!(plain.switches_up && plain.is_inter_layer && plain.starts_frame && plain.ends_frame);
    assert_eq!((plain.len, plain.rewritten_len(), plain.is_predicted), (5, 5, false));
    // I, P, F: short id; differences 1 and 4 and 100; no TL0PICIDX in flexible mode.
    let flexible = Vp9Descriptor::parse(&[0xf0, 0x05, 0x00, 0x03, 0x09, 0xc8, 1]).unwrap();
    assert_eq!((flexible.picture_id, flexible.tl0_picture), (Some(PictureId::Short(5)), None));
    assert_eq!((flexible.picture_references, flexible.len, flexible.rewritten_len()), (0b1001, 6, 2));
    // V: two layers with sizes, a group of two pictures with one and no reference.
    let structure = [0x0a, 0x38, 0, 160, 0, 90, 1, 64, 0, 180, 2, 0x04, 1, 0x00, 7];
    assert_eq!(Vp9Descriptor::parse(&structure).unwrap().len, 14);
    let cut: [&[u8]; 5] = [&[], &[0x80, 0xff], &[0xa0, 1], &[0x50, 0x03, 0x03, 0x03], &structure[..10]];
    for payload in cut {
        assert_eq!(Vp9Descriptor::parse(payload), None, "{payload:02x?}");
    }
}

#[test]
fn a_vp9_rewrite_changes_the_ids_only() {
    let mut payload = [0xac, 0xff, 0xfe, 0x53, 9, 1];
    Vp9Descriptor::parse(&payload).unwrap().rewrite(&mut payload, 3, 255);
    assert_eq!(payload, [0xac, 0x80, 3, 0x53, 255, 1]);
    let mut short = [0xf0, 0x05, 0x00, 0x02, 1];
    Vp9Descriptor::parse(&short).unwrap().rewrite(&mut short, 0x81, 255);
    assert_eq!(short, [0xf0, 0x01, 0x00, 0x02, 1]);
}

/// Two redundant blocks of 2 and 3 bytes and a primary of 4.
fn red() -> Vec<u8> {
    let header = |ticks: u16, len: u16| {
        let word = u32::from(ticks) << 10 | u32::from(len);
        let [_, a, b, c] = word.to_be_bytes();
        [0x80 | 111, a, b, c]
    };
    let mut payload = Vec::new();
    payload.extend_from_slice(&header(1920, 2));
    payload.extend_from_slice(&header(960, 3));
    payload.push(111);
    payload.extend_from_slice(&[1, 1, 2, 2, 2, 3, 3, 3, 3]);
    payload
}

#[test]
fn red_blocks_are_found() {
    let payload = red();
    let blocks: Vec<_> = red::redundant_blocks(&payload).unwrap().collect();
    assert_eq!(blocks.len(), 2);
    assert_eq!((blocks[0].ticks_before, &payload[blocks[0].place.clone()]), (1920, &[1u8, 1][..]));
    assert_eq!((blocks[1].ticks_before, &payload[blocks[1].place.clone()]), (960, &[2u8, 2, 2][..]));
    assert_eq!(&payload[red::primary(&payload).unwrap()], [3, 3, 3, 3]);
}

#[test]
fn red_payload_types_are_rewritten_in_every_block() {
    let mut payload = red();
    assert!(red::rewrite_payload_types(&mut payload, Pt::new(109).unwrap()));
    assert_eq!((payload[0], payload[4], payload[8]), (0x80 | 109, 0x80 | 109, 109));
    assert_eq!(&payload[red::primary(&payload).unwrap()], [3, 3, 3, 3]);
}

#[test]
fn cut_red_has_no_primary_and_no_blocks_beyond_its_end() {
    let payload = red();
    for len in 0..payload.len() {
        let cut = &payload[..len];
        if let Some(blocks) = red::redundant_blocks(cut) {
            assert!(blocks.into_iter().all(|block| block.place.end <= len));
        }
        assert!(red::primary(cut).is_none_or(|place| place.end <= len));
    }
}

#[test]
fn every_payload_of_up_to_eight_mutated_bytes_is_survived() {
    let bases = [vp8(1, 1, 1, 0), red(), vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], vec![0xa8, 0x81, 0, 0]];
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        for base in &bases {
            for len in 0..=base.len() {
                for place in 0..len {
                    for value in 0..=255 {
                        let mut payload = base[..len].to_vec();
                        payload[place] = value;
                        let facts = PayloadFacts::read(codec, codec.is_audio(), &payload);
                        if let PayloadForm::Vp8(descriptor) = facts.form {
                            descriptor.rewrite(&mut payload, 77, 3);
                        }
                        if let PayloadForm::Red = facts.form {
                            let _ = red::primary(&payload);
                            let _ = red::redundant_blocks(&payload).map(Iterator::count);
                            red::rewrite_payload_types(&mut payload, Pt::new(100).unwrap());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn an_audio_level_reads_back() {
    for byte in 0..=255 {
        let level = AudioLevel::from_byte(byte);
        assert_eq!((level.voice, level.below_full_scale), (byte >= 0x80, byte & 0x7f));
        assert_eq!(level.to_byte(), byte);
    }
}
