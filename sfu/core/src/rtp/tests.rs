use super::*;

fn id(number: u8) -> ExtId {
    ExtId::new(number).unwrap()
}

fn fields(seq: u16) -> HeaderFields {
    HeaderFields {
        marker: true,
        padding: false,
        pt: Pt::new(96).unwrap(),
        seq: SeqNo(seq),
        time: RtpTime(0xfffffff0),
        ssrc: Ssrc(0x01020304),
    }
}

fn write(fields: &HeaderFields, block: &ExtensionBlock<'_>, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; MAX_HEADER_BYTES];
    let len = write_header(&mut packet, fields, block).unwrap();
    packet.truncate(len);
    packet.extend_from_slice(payload);
    packet
}

/// A packet whose extension block has this profile and these elements.
fn with_block(profile: u16, elements: &[u8]) -> Vec<u8> {
    assert_eq!(elements.len() % 4, 0);
    let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    packet.extend_from_slice(&profile.to_be_bytes());
    packet.extend_from_slice(&u16::try_from(elements.len() / 4).unwrap().to_be_bytes());
    packet.extend_from_slice(elements);
    packet.push(0xaa);
    packet
}

fn elements_of(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let header = RtpHeader::parse(packet).unwrap();
    header.extensions(packet).map(|(id, value)| (id, value.to_vec())).collect()
}

#[test]
fn a_written_header_reads_back() {
    let mut block = ExtensionBlock::new();
    assert!(block.push(id(4), b"0"));
    assert!(block.push(id(3), &[1, 2]));
    let packet = write(&fields(65_535), &block, b"media");
    assert_eq!(packet.len() % 4, 1);
    let header = RtpHeader::parse(&packet).unwrap();
    assert!(header.marker);
    assert_eq!(header.pt.get(), 96);
    assert_eq!(
        (header.seq, header.time, header.ssrc),
        (SeqNo(65_535), RtpTime(0xfffffff0), Ssrc(0x01020304))
    );
    assert_eq!(&packet[header.payload], b"media");
    assert_eq!(elements_of(&packet), [(4, b"0".to_vec()), (3, vec![1, 2])]);
}

#[test]
fn a_long_element_makes_the_block_two_byte() {
    let descriptor = [7; 40];
    let mut block = ExtensionBlock::new();
    assert!(block.push(id(4), b"0"));
    assert!(block.push(id(12), &descriptor));
    let packet = write(&fields(1), &block, b"x");
    assert_eq!(&packet[12..14], &[0x10, 0x00]);
    assert_eq!(elements_of(&packet), [(4, b"0".to_vec()), (12, descriptor.to_vec())]);
}

#[test]
fn an_id_above_fourteen_or_an_empty_value_makes_the_block_two_byte() {
    for (number, value) in [(16, &b"1"[..]), (3, &b""[..])] {
        let mut block = ExtensionBlock::new();
        assert!(block.push(id(number), value));
        let packet = write(&fields(1), &block, b"x");
        assert_eq!(&packet[12..14], &[0x10, 0x00]);
        assert_eq!(elements_of(&packet), [(number, value.to_vec())]);
    }
}

#[test]
fn elements_beyond_the_block_are_refused_and_the_rest_stays() {
    let large = [1; 200];
    let mut block = ExtensionBlock::new();
    assert!(block.push(id(1), &large));
    assert!(!block.push(id(2), &large));
    assert!(block.push(id(3), b"0"));
    assert_eq!(elements_of(&write(&fields(1), &block, b"x")), [(1, large.to_vec()), (3, b"0".to_vec())]);
}

/// Name, profile, bytes of the block, and the elements that count.
type ExtensionCase<'a> = (&'a str, u16, &'a [u8], &'a [(u8, &'a [u8])]);

/// RFC 8285 §4.2 and §4.3, case by case.
#[test]
fn header_extensions_end_where_rfc_8285_says() {
    let one = 0xbede;
    let cases: [ExtensionCase<'_>; 12] = [
        ("one element", one, &[0x10, 0xaa, 0, 0], &[(1, &[0xaa])]),
        (
            "padding before, between and after",
            one,
            &[0, 0x10, 0xaa, 0, 0x21, 1, 2, 0],
            &[(1, &[0xaa]), (2, &[1, 2])],
        ),
        (
            "sixteen bytes",
            one,
            &[0x1f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0],
            &[(1, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])],
        ),
        ("id 15 ends the block", one, &[0x10, 0xaa, 0xf0, 0xbb, 0x20, 0xcc, 0, 0], &[(1, &[0xaa])]),
        (
            "id 0 with a length ends the block",
            one,
            &[0x10, 0xaa, 0x01, 0xbb, 0xbb, 0x20, 0xcc, 0],
            &[(1, &[0xaa])],
        ),
        ("an element beyond the block is dropped", one, &[0x10, 0xaa, 0x2f, 0xbb], &[(1, &[0xaa])]),
        ("empty block", one, &[], &[]),
        ("two-byte element", 0x1000, &[1, 1, 0xaa, 0], &[(1, &[0xaa])]),
        ("two-byte with appbits", 0x100f, &[1, 1, 0xaa, 0], &[(1, &[0xaa])]),
        ("two-byte empty value", 0x1000, &[1, 0, 2, 1, 0xbb, 0, 0, 0], &[(1, &[]), (2, &[0xbb])]),
        ("two-byte id 15 is an id", 0x1000, &[15, 1, 0xaa, 0], &[(15, &[0xaa])]),
        ("unknown profile", 0x2000, &[0x10, 0xaa, 0, 0], &[]),
    ];
    for (name, profile, elements, expected) in cases {
        let found = elements_of(&with_block(profile, elements));
        let expected: Vec<_> = expected.iter().map(|&(id, value)| (id, value.to_vec())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// GHSA-f26w-gh5m-qq77: a padding length of zero or beyond the payload must not be believed.
#[test]
fn padding_that_contradicts_the_length_is_refused() {
    let mut packet = write(&HeaderFields { padding: true, ..fields(1) }, &ExtensionBlock::new(), &[9, 9, 0]);
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding { padding: 0, available: 3 }));
    *packet.last_mut().unwrap() = 4;
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding { padding: 4, available: 3 }));
    *packet.last_mut().unwrap() = 2;
    assert_eq!(RtpHeader::parse(&packet).unwrap().payload, 12..13);
    *packet.last_mut().unwrap() = 3;
    assert!(RtpHeader::parse(&packet).unwrap().payload.is_empty());
    assert_eq!(RtpHeader::parse(&packet[..12]), Err(RtpError::Padding { padding: 0, available: 0 }));
}

#[test]
fn a_packet_cut_anywhere_in_its_header_is_refused() {
    let packet = with_block(0xbede, &[0x10, 0xaa, 0, 0]);
    for len in 0..20 {
        assert_eq!(RtpHeader::parse(&packet[..len]), Err(RtpError::Truncated), "{len} bytes");
    }
    assert!(RtpHeader::parse(&packet[..20]).unwrap().payload.is_empty());
}

#[test]
fn contributing_sources_are_skipped() {
    let packet = [0x82, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 1, 1, 1, 2, 2, 2, 2, 0x77];
    assert_eq!(RtpHeader::parse(&packet).unwrap().payload, 20..21);
}

#[test]
fn extension_values_are_found_by_negotiated_id() {
    let mut map = ExtMap::default();
    map.set(ExtKind::Mid, Some(id(4)));
    map.set(ExtKind::TransportCc, Some(id(3)));
    map.set(ExtKind::AudioLevel, Some(id(1)));
    let packet = with_block(0xbede, &[0x40, b'7', 0x31, 0x12, 0x34, 0x10, 0x85, 0]);
    let header = RtpHeader::parse(&packet).unwrap();
    let found = Extensions::read(&header, &packet, &map);
    assert_eq!(found.mid, Mid::new(b"7"));
    assert_eq!(found.transport_cc, Some(0x1234));
    let level = found.audio_level.unwrap();
    assert!(level.voice);
    assert_eq!(level.below_full_scale, 5);
    assert_eq!(found.rid, None);
}

#[test]
fn every_extension_uri_names_its_kind() {
    for kind in ExtKind::ALL {
        assert_eq!(ExtKind::from_uri(kind.uri()), Some(kind));
    }
}

#[test]
fn unwrapping_counts_wraps_and_takes_late_packets_back() {
    let mut unwrapper = SeqUnwrapper::default();
    let first = unwrapper.unwrap(SeqNo(65_500)).0;
    assert_eq!(first, 0x1_0000 + 65_500);
    let mut highest = first;
    // Three wraps in steps of 100, each followed by a late packet.
    for step in 1..=2_000u64 {
        let index = first + 100 * step;
        assert_eq!(unwrapper.unwrap(SeqIndex(index).seq()).0, index);
        assert_eq!(unwrapper.unwrap(SeqIndex(index - 50).seq()).0, index - 50);
        highest = index;
    }
    assert_eq!(unwrapper.highest(), Some(SeqIndex(highest)));
}

#[test]
fn a_packet_from_before_the_first_one_has_an_index() {
    let mut unwrapper = SeqUnwrapper::default();
    let first = unwrapper.unwrap(SeqNo(3));
    assert_eq!(unwrapper.unwrap(SeqNo(65_530)).0, first.0 - 9);
}

/// Every byte of every prefix changed to a few values: nothing panics.
#[test]
fn mutated_packets_never_panic() {
    let mut map = ExtMap::default();
    for (place, kind) in ExtKind::ALL.into_iter().enumerate() {
        map.set(kind, ExtId::new(u8::try_from(place).unwrap() + 1));
    }
    let whole = with_block(0xbede, &[0x10, b'0', 0x20, b'q', 0x31, 1, 2, 0x4f, 1, 2, 3, 4, 5, 6, 7, 8]);
    for len in 0..=whole.len() {
        for place in 0..len {
            for value in [0, 1, 0x0f, 0x10, 0x7f, 0x80, 0xbf, 0xf0, 0xff] {
                let mut packet = whole[..len].to_vec();
                packet[place] = value;
                if let Ok(header) = RtpHeader::parse(&packet) {
                    let _ = Extensions::read(&header, &packet, &map);
                    assert!(header.payload.end <= packet.len());
                }
            }
        }
    }
}
