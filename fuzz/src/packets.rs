//! Packets of the media port: STUN, RTP, RTCP, SRTP, payload descriptors.

use std::net::SocketAddr;
use std::time::Duration;

use sfu_core::codec::dependency::{ActiveTargets, Descriptor, MAX_DESCRIPTOR_BYTES, Structure, rewrite};
use sfu_core::codec::layer::{Indication, LayerId, LayerSet};
use sfu_core::codec::{Codec, PayloadFacts, PayloadForm, PictureId, Vp9Descriptor, red};
use sfu_core::demux::{self, DatagramKind};
use sfu_core::rtcp::{self, RtcpPacket};
use sfu_core::rtp::{
    ExtId, ExtKind, ExtMap, ExtensionBlock, Extensions, HeaderFields, MAX_HEADER_BYTES, Pt, RtpHeader, SeqNo,
    SeqUnwrapper, Ssrc, write_header,
};
use sfu_core::srtp::{MasterKey, OpenError, Profile, SrtpReceiver, SrtpSender};
use sfu_core::stun::{Class, Message, MessageWriter, Role, TransactionId};

use crate::input::{Input, epoch};

/// A STUN message that is read survives being written, and is authentic under one password only.
pub fn stun(data: &[u8]) {
    let named = demux::stun_username(data);
    let Ok(message) = Message::parse(data) else {
        assert!(named.is_none(), "no message, no name");
        return;
    };
    let mut writer = MessageWriter::new(message.class(), message.transaction());
    if let Some(username) = message.username() {
        writer = writer.username(username);
    }
    if let Some(role) = message.role() {
        writer = writer.role(role);
    }
    if message.use_candidate() {
        writer = writer.use_candidate();
    }
    if let Some(address) = message.mapped_address() {
        writer = writer.mapped_address(address);
    }
    if let Some(code) = message.error_code() {
        writer = writer.error_code(code);
    }
    let signed = writer.sign("password");
    let again = Message::parse(&signed).expect("what we write can be read");
    assert_eq!(facts(&again), facts(&message));
    assert!(again.is_authentic("password") && !again.is_authentic("another password"));
    let _ = message.is_authentic("password");
}

type Facts<'a> = (Class, TransactionId, Option<&'a str>, Option<Role>, bool, Option<SocketAddr>, Option<u16>);

fn facts<'a>(message: &Message<'a>) -> Facts<'a> {
    (
        message.class(),
        message.transaction(),
        message.username(),
        message.role(),
        message.use_candidate(),
        message.mapped_address(),
        message.error_code(),
    )
}

/// An RTP header lies within its packet, and survives being rewritten with its extensions.
pub fn rtp(data: &[u8]) {
    let mut unwrapper = SeqUnwrapper::default();
    for &number in data.as_chunks::<2>().0 {
        let seq = SeqNo(u16::from_be_bytes(number));
        let index = unwrapper.unwrap(seq);
        let highest = unwrapper.highest().expect("a number was seen");
        assert!(index.seq() == seq && index <= highest && highest.0 - index.0 <= 0x8000);
    }
    let Ok(header) = RtpHeader::parse(data) else { return };
    assert!(12 <= header.payload.start && header.payload.start <= header.payload.end);
    assert!(header.payload.end <= data.len());
    let (mut block, mut kept, mut all) = (ExtensionBlock::new(), Vec::new(), 0);
    for (id, value) in header.extensions(data) {
        all += 1;
        if let Some(id) = ExtId::new(id)
            && block.push(id, value)
        {
            kept.push((id.get(), value));
        }
    }
    assert!(all <= data.len());
    let fields = HeaderFields {
        marker: header.marker,
        padding: false,
        pt: header.pt,
        seq: header.seq,
        time: header.time,
        ssrc: header.ssrc,
    };
    let mut out = [0; MAX_HEADER_BYTES];
    let len = write_header(&mut out, &fields, &block).expect("there is room for every header");
    let again = RtpHeader::parse(&out[..len]).expect("what we write can be read");
    let read = (again.marker, again.pt, again.seq, again.time, again.ssrc);
    assert_eq!(read, (header.marker, header.pt, header.seq, header.time, header.ssrc));
    assert_eq!(again.extensions(&out).collect::<Vec<_>>(), kept);
    if kept.len() == all {
        let map = extension_map();
        assert_eq!(Extensions::read(&again, &out, &map), Extensions::read(&header, data, &map));
    }
}

/// Every kind under an id of its own, counted from 1.
pub(crate) fn extension_map() -> ExtMap {
    let mut map = ExtMap::default();
    for (kind, id) in ExtKind::ALL.into_iter().zip(1..) {
        map.set(kind, ExtId::new(id));
    }
    map
}

/// What an RTCP compound says is bounded by its length, and survives being written.
pub fn rtcp(data: &[u8]) {
    let mut said = 0;
    let mut out = Vec::new();
    for packet in rtcp::packets(data).flatten() {
        out.clear();
        said += match packet {
            RtcpPacket::SenderReport(report) => {
                let clock = (report.ntp, report.rtp_time);
                rtcp::write_sender_report(&mut out, report.ssrc, clock, (report.packets, report.octets));
                let Some(Ok(RtcpPacket::SenderReport(again))) = rtcp::packets(&out).next() else {
                    panic!("what we write can be read")
                };
                assert_eq!(
                    (again.ssrc, again.ntp, again.rtp_time),
                    (report.ssrc, report.ntp, report.rtp_time)
                );
                report.blocks.iter().count()
            }
            RtcpPacket::ReceiverReport(blocks) => {
                let blocks: Vec<_> = blocks.iter().collect();
                rtcp::write_receiver_report(&mut out, Ssrc(1), &blocks);
                let Some(Ok(RtcpPacket::ReceiverReport(again))) = rtcp::packets(&out).next() else {
                    panic!("what we write can be read")
                };
                assert_eq!(again.iter().collect::<Vec<_>>(), blocks);
                blocks.len()
            }
            RtcpPacket::Bye(bye) => bye.iter().count(),
            RtcpPacket::Nack(nack) => {
                let missing: Vec<_> = nack.missing().collect();
                rewrite_nack(&missing, nack.media);
                missing.len()
            }
            RtcpPacket::Pli(media) => {
                rtcp::write_pli(&mut out, Ssrc(1), media);
                assert_eq!(rtcp::packets(&out).next(), Some(Ok(RtcpPacket::Pli(media))));
                1
            }
            RtcpPacket::Fir(targets) => targets.iter().count(),
            RtcpPacket::TransportFeedback(feedback) => {
                let arrivals: Vec<_> = feedback.arrivals().collect();
                assert_eq!(arrivals.len(), usize::from(feedback.count));
                rewrite_feedback(&arrivals);
                1
            }
            RtcpPacket::Other => 1,
        };
    }
    assert!(said <= 17 * data.len());
}

fn rewrite_nack(missing: &[SeqNo], media: Ssrc) {
    if !missing.is_sorted_by(|a, b| b.since(*a) > 0) {
        return;
    }
    let mut out = Vec::new();
    rtcp::write_nack(&mut out, Ssrc(1), media, missing);
    let Some(Ok(RtcpPacket::Nack(again))) = rtcp::packets(&out).next() else {
        assert!(missing.is_empty());
        return;
    };
    assert_eq!(again.missing().collect::<Vec<_>>(), missing);
}

/// Arrivals that our own recorder could have made come back as they were, modulo the wrap of their clock.
fn rewrite_feedback(arrivals: &[rtcp::Arrival]) {
    let moment = |at: i64| u64::try_from(at).ok().map(Duration::from_micros);
    let times: Vec<_> = arrivals.iter().map(|arrival| arrival.at_micros.map(moment)).collect();
    let Some(times) = times.into_iter().map(|time| time.map_or(Some(None), |at| at.map(Some))).collect()
    else {
        return;
    };
    let times: Vec<Option<Duration>> = times;
    let Some(first) = arrivals.first().filter(|first| first.at_micros.is_some()) else { return };
    let mut out = Vec::new();
    let taken = rtcp::write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, first.seq, &times);
    assert!(taken > 0);
    let Some(Ok(RtcpPacket::TransportFeedback(again))) = rtcp::packets(&out).next() else {
        panic!("what we write can be read")
    };
    let wrap = 64_000_i64 << 24;
    for (again, arrival) in again.arrivals().zip(&arrivals[..taken]) {
        assert_eq!(again.seq, arrival.seq);
        assert_eq!(
            again.at_micros.map(|at| at.rem_euclid(wrap)),
            arrival.at_micros.map(|at| at.rem_euclid(wrap))
        );
    }
}

/// Only what the peer sealed is opened, once, whatever was thrown between.
pub fn srtp(data: &[u8]) {
    let mut input = Input::new(data);
    let profile = [Profile::Aes128Gcm, Profile::Aes128CmSha1][input.below(2)];
    let salt = vec![2; profile.keying_material_bytes() / 2 - 16];
    let master = MasterKey::new(profile, &[1; 16], &salt).expect("the lengths fit");
    let mut sender = SrtpSender::new(profile, &master);
    let mut receiver = SrtpReceiver::new(profile, &master);
    // The rollover counter turns after a few packets.
    let mut index = 65_530;
    let now = epoch();
    while !input.is_empty() {
        let choice = input.byte();
        let mut forged = input.piece().to_vec();
        match choice % 4 {
            0 => assert!(receiver.open_rtp(now, &mut forged).is_err(), "nobody but the peer has the keys"),
            1 => assert!(receiver.open_rtcp(now, &mut forged).is_err(), "nobody but the peer has the keys"),
            2 => {
                index += 1;
                let packet = sealed_rtp(&sender, index, &forged);
                let changed = change(&mut input, &packet, |copy| receiver.open_rtp(now, copy).is_ok());
                assert!(!changed, "a changed packet is not authentic");
                let opened = receiver.open_rtp(now, &mut packet.clone()).expect("the peer's packet");
                assert_eq!((opened.index.0, opened.payload_len), (index, forged.len()));
                assert_eq!(receiver.open_rtp(now, &mut packet.clone()), Err(OpenError::Replayed));
            }
            _ => {
                let plain = [&[0x80, 200, 0, 1, 0, 0, 0, 5][..], &forged].concat();
                let mut packet = vec![0; plain.len() + profile.rtcp_overhead()];
                let len = sender.seal_rtcp(&plain, &mut packet).expect("there is room");
                let changed =
                    change(&mut input, &packet[..len], |copy| receiver.open_rtcp(now, copy).is_ok());
                assert!(!changed, "a changed packet is not authentic");
                let mut copy = packet.clone();
                assert_eq!(receiver.open_rtcp(now, &mut copy), Ok(plain.len()));
                assert_eq!(copy[..plain.len()], plain);
                assert_eq!(receiver.open_rtcp(now, &mut packet), Err(OpenError::Replayed));
            }
        }
    }
}

/// Whether the packet with one byte changed is accepted.
fn change(input: &mut Input<'_>, packet: &[u8], mut accepted: impl FnMut(&mut [u8]) -> bool) -> bool {
    let mut copy = packet.to_vec();
    copy[usize::from(input.number()) % packet.len()] ^= input.byte().max(1);
    accepted(&mut copy)
}

fn sealed_rtp(sender: &SrtpSender, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut header = [0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5];
    header[2..4].copy_from_slice(&index.to_be_bytes()[6..]);
    let mut out = vec![0; header.len() + payload.len() + sender.profile().rtp_overhead()];
    let len = sender.seal_rtp(&header, &[], payload, sfu_core::rtp::SeqIndex(index), &mut out);
    assert_eq!(len, Ok(out.len()));
    out
}

/// What is read of a payload lies within it, and a rewrite changes the ids and nothing else.
pub fn payload(data: &[u8]) {
    let mut input = Input::new(data);
    let codec = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1][input.below(5)];
    let (id, tl0, wraps_red) = (input.number(), input.byte(), input.byte() & 1 == 1);
    let payload = input.rest();
    match PayloadFacts::read(codec, wraps_red, payload).form {
        PayloadForm::Plain => {}
        PayloadForm::Vp8(descriptor) => {
            let mut copy = payload.to_vec();
            descriptor.rewrite(&mut copy, id & 0x7fff, tl0);
            let PayloadForm::Vp8(again) = PayloadFacts::read(codec, false, &copy).form else {
                panic!("a rewrite keeps the form")
            };
            let number = |descriptor: &sfu_core::codec::Vp8Descriptor| {
                descriptor.picture_id.map(|id| (id.number(), id.mask()))
            };
            assert_eq!(number(&again), number(&descriptor).map(|(_, mask)| (id & mask, mask)));
            assert_eq!(again.tl0_picture, descriptor.tl0_picture.map(|_| tl0));
            let rest = usize::from(descriptor.len);
            assert_eq!((again.len, &copy[rest..]), (descriptor.len, &payload[rest..]));
        }
        PayloadForm::Scalable { vp9: Some(descriptor), .. } => {
            let mut copy = payload.to_vec();
            descriptor.rewrite(&mut copy, id & 0x7fff, tl0);
            let again = Vp9Descriptor::parse(&copy).expect("a rewrite keeps the form");
            let picture_id = again.picture_id.map(PictureId::number);
            assert_eq!(picture_id, descriptor.picture_id.map(|known| id & known.mask()));
            assert_eq!(again.tl0_picture, descriptor.tl0_picture.map(|_| tl0));
            let ids = (descriptor.picture_id, descriptor.tl0_picture);
            assert_eq!(Vp9Descriptor { picture_id: ids.0, tl0_picture: ids.1, ..again }, descriptor);
            let changed = descriptor.rewritten_len();
            assert!(changed <= usize::from(descriptor.len) && usize::from(descriptor.len) <= payload.len());
            assert_eq!(copy[changed..], payload[changed..]);
            let frame = descriptor.layer_frame(id.into());
            assert_ne!(frame.indications.of(LayerId::new(7, 7)), Indication::NotPresent);
        }
        PayloadForm::Scalable { vp9: None, .. } => unreachable!("layers are added later"),
        PayloadForm::Red => red_blocks(payload),
    }
    if demux::classify(payload) == Some(DatagramKind::Stun) {
        let _ = demux::stun_username(payload);
    }
}

/// Descriptors of one stream: what is read is within a structure's bounds, and a rewrite changes the frame number
/// and the active targets and nothing else.
pub fn dependency_descriptor(data: &[u8]) {
    let mut input = Input::new(data);
    let mut structure: Option<Box<Structure>> = None;
    while !input.is_empty() {
        let (number, mask) = (input.number(), u32::from(input.number()));
        let bytes = input.piece();
        let Ok(read) = Descriptor::parse(bytes, structure.as_deref()) else {
            let mut out = [0; MAX_DESCRIPTOR_BYTES];
            let active = Some(ActiveTargets { mask, count: 1 + number.to_be_bytes()[0] % 32 });
            let _ = (rewrite(bytes, number, None, &mut out), rewrite(bytes, number, active, &mut out));
            continue;
        };
        let known = read.structure.clone().or_else(|| structure.clone()).expect("it was read by one");
        assert!((1..=32).contains(&known.targets()));
        assert_eq!(known.target_layers().count(), usize::from(known.targets()));
        assert!(known.targets_of(LayerSet::ALL) & !known.all_targets() == 0);
        let mask = mask & known.all_targets();
        for active in [None, Some(ActiveTargets { mask, count: known.targets() })] {
            let mut out = [0; MAX_DESCRIPTOR_BYTES];
            let Some(len) = rewrite(bytes, number, active, &mut out) else {
                // The targets' bits take at most five bytes more.
                assert!(bytes.len() + 5 > MAX_DESCRIPTOR_BYTES, "it fits");
                continue;
            };
            let again =
                Descriptor::parse(&out[..len], structure.as_deref()).expect("what we write can be read");
            let active_targets = active.map_or(read.active_targets, |active| Some(active.mask));
            let wanted = Descriptor { frame_number: number, active_targets, ..read.clone() };
            assert_eq!(again, wanted);
        }
        structure = Some(known);
    }
}

fn red_blocks(payload: &[u8]) {
    let mut copy = payload.to_vec();
    let whole = red::rewrite_payload_types(&mut copy, Pt::new(100).expect("a payload type"));
    let Some(blocks) = red::redundant_blocks(payload) else {
        assert!(!whole || red::primary(payload).is_none());
        return;
    };
    let mut end = blocks.header_len();
    for block in blocks {
        assert_eq!(block.place.start, end, "blocks follow each other");
        end = block.place.end;
    }
    assert!(end <= payload.len());
    if let Some(primary) = red::primary(payload) {
        assert_eq!(primary, end..payload.len());
        assert!(whole);
        assert_eq!(copy[primary.clone()], payload[primary]);
    }
}
