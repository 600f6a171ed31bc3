//! First inputs of each corpus, from our own fixtures and writers. `DAIS_BLESS=1 cargo test -p fuzz` stores them;
//! libFuzzer goes on from there.

use livekit_protocol as lk;
use lk::signal_request::Message;
use prost::Message as _;
use sfu_core::rtcp::{self, NtpTime, ReportBlock};
use sfu_core::rtp::{
    ExtId, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Pt, RtpTime, SeqNo, Ssrc, write_header,
};
use sfu_core::sctp::Reliability;
use sfu_core::sctp::dcep;
use sfu_core::stun::{Class, MessageWriter, Role, TransactionId};

use crate::scene::OFFER;
use crate::sdp::{mirrored_text, offer_to_answer};
use crate::signalling::METHODS;
use crate::transport::flights;

/// Inputs of the target of this name.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "stun" => stun(),
        "turn" => turn(),
        "rtp" => vec![rtp(&[(4, b"7"), (3, &[0x12, 0x34])]), rtp(&[(1, &[1; 20]), (200, b"x")]), rtp(&[])],
        "rtcp" => rtcp(),
        "payload" => payloads(),
        "dependency_descriptor" => descriptors(),
        "dcep" => dcep(),
        "sdp_offer" => [OFFER, SINGLE, FIREFOX].map(|sdp| sdp.as_bytes().to_vec()).to_vec(),
        "sdp_answer" => {
            let answer = mirrored_text(&offer_to_answer());
            (0..4).map(|changes: u8| [&[changes], answer.as_bytes()].concat()).collect()
        }
        "vtt" => vec![[&[0, 9, 40, 0], CAPTIONS].concat()],
        "playlist" => {
            vec![PLAYLIST.to_vec(), b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\"\nv.m3u8?x#y".to_vec()]
        }
        "fmp4" => fmp4(),
        "signal" => signal(),
        "api" => api(),
        "envelope" => envelope(),
        "join_query" => vec![JOIN.to_vec(), RESUME.to_vec()],
        "token" => tokens(),
        "dtls" => flights().iter().map(|flight| pieces(0, flight)).collect(),
        "datagram" => {
            let shapes = stun().into_iter().chain(rtcp()).chain(flights().concat());
            shapes.flat_map(|bytes| [[&[0], &bytes[..]].concat(), [&[1], &bytes[..]].concat()]).collect()
        }
        // Sequences: libFuzzer finds better ones than anybody writes.
        _ => (1..=12).map(|seed| noise(seed, 64 << (seed % 4))).collect(),
    }
}

fn pieces(head: u8, pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![head];
    for piece in pieces {
        bytes.extend(u16::try_from(piece.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(piece);
    }
    bytes
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn stun() -> Vec<Vec<u8>> {
    let new = |class| MessageWriter::new(class, TransactionId([7; 12]));
    let address = |text: &str| text.parse().unwrap_or_else(|_| unreachable!("the addresses are well formed"));
    vec![
        new(Class::Request)
            .username("ours:theirs")
            .priority(1)
            .role(Role::Controlling(7))
            .use_candidate()
            .sign("password"),
        new(Class::Request).username("ours:theirs").role(Role::Controlled(9)).sign("other"),
        new(Class::Success).mapped_address(address("192.0.2.1:50000")).sign("password"),
        new(Class::Success).mapped_address(address("[2001:db8::1]:50000")).sign("password"),
        new(Class::Error).error_code(487).sign("password"),
        new(Class::Indication).sign(""),
    ]
}

/// Steps of the target: choice, pause, client, and what the step takes.
fn turn() -> Vec<Vec<u8>> {
    const STRANGER: u8 = 0;
    const PEER: u8 = 2;
    const TIMEOUT: u8 = 3;
    const CHANNEL_DATA: u8 = 4;
    const CLIENT: u8 = 5;
    // person, expiry, channel number, two peers, what, then its own; unchanged at the end
    let client = |path: u8, person: u8, peer: u8, rest: &[u8]| {
        [&[CLIENT, 0, path, person, 2, 0, 1, peer + 8, peer + 8], rest, &[1]].concat()
    };
    let allocate = |path, person| [client(path, person, 0, &[0]), client(path, person, 0, &[0])].concat();
    let allocated = allocate(0, 0);
    let (permit, bind) = (client(0, 0, 0, &[2, 0]), client(0, 0, 0, &[3]));
    let send = client(0, 0, 0, &[4, 0, 3, b'a', b'b', b'c']);
    let channel = [CHANNEL_DATA, 0, 0, 0, 1, 0, 2, b'h', b'i'].to_vec();
    let reply = [PEER, 0, 0, 1, 8, 0, 2, b'h', b'i'].to_vec();
    let stranger =
        |bytes: &[u8]| [&[STRANGER, 0, 0, 0, u8::try_from(bytes.len()).unwrap_or(0)], bytes].concat();
    let many: Vec<u8> = (0..8).flat_map(|path| allocate(path, path % 3)).collect();
    vec![
        [allocated.clone(), permit, send, bind.clone(), channel, reply].concat(),
        [allocated.clone(), bind, vec![TIMEOUT, 4, 0, TIMEOUT, 4, 0, TIMEOUT, 4, 0]].concat(),
        [allocated.clone(), client(0, 0, 2, &[2, 0]), client(0, 0, 2, &[3]), client(0, 0, 1, &[3])].concat(),
        many,
        [
            stranger(&stun()[0]),
            stranger(b"\x00\x03\x00\x00\x21\x12\xa4\x42transactions"),
            stranger(b"\x40\x01\x00\x02hi"),
        ]
        .concat(),
        [allocated, client(0, 0, 0, &[1, 0])].concat(),
    ]
}

fn rtp(elements: &[(u8, &[u8])]) -> Vec<u8> {
    let mut block = ExtensionBlock::new();
    for &(id, value) in elements {
        block.push(ExtId::new(id).expect("an id"), value);
    }
    let pt = Pt::new(96).expect("a payload type");
    let (seq, time) = (SeqNo(65_530), RtpTime(9));
    let fields = HeaderFields { marker: true, padding: true, pt, seq, time, ssrc: Ssrc(5) };
    let mut packet = vec![0; MAX_HEADER_BYTES];
    let len = write_header(&mut packet, &fields, &block).expect("there is room for every header");
    packet.truncate(len);
    packet.extend_from_slice(b"media\0\0\x03");
    packet
}

fn rtcp() -> Vec<Vec<u8>> {
    let block = ReportBlock {
        ssrc: Ssrc(5),
        fraction_lost: 3,
        cumulative_lost: -2,
        highest_seq: 70_000,
        jitter: 4,
        last_sr: 5,
        delay_since_last_sr: 6,
    };
    let (mut report, mut feedback, mut twcc) = (Vec::new(), Vec::new(), Vec::new());
    rtcp::write_sender_report(&mut report, Ssrc(7), (NtpTime(1 << 40), RtpTime(2)), (3, 4));
    rtcp::write_sdes_cname(&mut report, Ssrc(7), "name");
    rtcp::write_receiver_report(&mut report, Ssrc(7), &[block]);
    rtcp::write_bye(&mut report, Ssrc(7));
    rtcp::write_nack(&mut feedback, Ssrc(1), Ssrc(2), &[SeqNo(65_535), SeqNo(3), SeqNo(40)]);
    rtcp::write_pli(&mut feedback, Ssrc(1), Ssrc(2));
    rtcp::write_fir(&mut feedback, Ssrc(1), Ssrc(2), 9);
    let arrivals = [0, 900, 90_000].map(|micros| Some(std::time::Duration::from_micros(micros)));
    rtcp::write_twcc(
        &mut twcc,
        (Ssrc(1), Ssrc(2)),
        0,
        SeqNo(65_534),
        &[arrivals[0], None, arrivals[2], arrivals[1]],
    );
    vec![report, feedback, twcc]
}

fn payloads() -> Vec<Vec<u8>> {
    let facts = |codec: u8, red: u8, payload: &[u8]| [&[codec, 0, 77, 3, red], payload].concat();
    vec![
        facts(1, 0, &[0x90, 0xf0, 0x80, 1, 2, 0x40, 0, 9]),
        facts(1, 0, &[0x90, 0xb0, 5, 0x40, 0, 9]),
        facts(0, 1, &[0xef, 0x0f, 0, 2, 0xef, 0x07, 0x80, 3, 111, 1, 1, 2, 2, 2, 3, 3]),
        facts(2, 0, &[0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 1]),
        facts(2, 0, &[0x7c, 0x85, 1]),
        facts(3, 0, &[0xa8, 0x81, 0, 0, 7, 1]),
        facts(4, 0, &[0x18, 0x0a, 1]),
    ]
}

/// A key frame and two delta frames in L3T3_KEY and in L1T3, by the templates of libwebrtc's encoders.
fn descriptors() -> Vec<Vec<u8>> {
    let sequence = |descriptors: &[&[u8]]| -> Vec<u8> {
        let one = |descriptor: &&[u8]| {
            let len = u16::try_from(descriptor.len()).unwrap_or(0).to_be_bytes();
            [&[0x12, 0x34, 0, 3][..], &len, descriptor].concat()
        };
        descriptors.iter().flat_map(one).collect()
    };
    vec![
        sequence(&[L3T3_KEY, &[0xc4, 0, 2], &[0x86, 0, 3, 0x40, 0]]),
        sequence(&[L1T3, &[0xc2, 0, 2], &[0xc1, 0, 3, 0x50, 0x40]]),
    ]
}

fn dcep() -> Vec<Vec<u8>> {
    let open = |ordered, reliability| {
        dcep::Message::Open(dcep::Open { label: "_lossy".to_owned(), ordered, reliability }).to_bytes()
    };
    vec![open(false, Reliability::MaxRetransmits(0)), open(true, Reliability::MaxLifetimeMs(500)), vec![2]]
}

fn fmp4() -> Vec<Vec<u8>> {
    let boxed = |kind: &str, body: &[u8]| {
        let len = u32::try_from(body.len() + 8).unwrap_or(0).to_be_bytes();
        [&len, kind.as_bytes(), body].concat()
    };
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[5, 0, 2, 0xd0]);
    entry.extend(boxed("avcC", &[1, 0x4d, 0x40, 0x1f, 0xff]));
    let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed("avc1", &entry)].concat();
    let mdhd = [&[0; 12][..], &3_000_u32.to_be_bytes(), &[0; 8]].concat();
    let stbl = boxed("minf", &boxed("stbl", &boxed("stsd", &stsd)));
    let mdia = [boxed("mdhd", &mdhd), stbl].concat();
    let init = [boxed("ftyp", b"cmf2"), boxed("moov", &boxed("trak", &boxed("mdia", &mdia)))].concat();
    let tfdt = [&[1, 0, 0, 0][..], &(1_u64 << 40).to_be_bytes()].concat();
    let tfhd = [&[0, 2, 0, 8][..], &1_u32.to_be_bytes(), &100_u32.to_be_bytes()].concat();
    let trun = [&[0, 0, 2, 1][..], &[0, 0, 0, 2], &[0; 4], &[0, 0, 0, 9], &[0, 0, 0, 9]].concat();
    let own = [&[0, 0, 1, 1][..], &[0, 0, 0, 2], &[0; 4], &[0, 0, 0, 3], &[0, 0, 0, 5]].concat();
    let fragment = |trun: &[u8]| {
        let traf = [boxed("tfhd", &tfhd), boxed("tfdt", &tfdt), boxed("trun", trun)].concat();
        [boxed("moof", &boxed("traf", &traf)), boxed("mdat", &[7; 18])].concat()
    };
    vec![init, [boxed("styp", b"msdh"), fragment(&trun), fragment(&own)].concat()]
}

#[expect(clippy::default_trait_access, reason = "each is the protocol's own default")]
fn signal() -> Vec<Vec<u8>> {
    let track = || vec!["TR_x".to_owned()];
    let messages = [
        Message::Offer(lk::SessionDescription { sdp: SINGLE.to_owned(), id: 2, ..Default::default() }),
        Message::Answer(lk::SessionDescription {
            sdp: mirrored_text(&offer_to_answer()),
            id: 1,
            ..Default::default()
        }),
        Message::AddTrack(lk::AddTrackRequest { cid: "new".to_owned(), r#type: 1, ..Default::default() }),
        Message::Mute(lk::MuteTrackRequest { sid: "TR_x".to_owned(), muted: true }),
        Message::Subscription(lk::UpdateSubscription {
            track_sids: track(),
            subscribe: true,
            ..Default::default()
        }),
        Message::TrackSetting(lk::UpdateTrackSettings {
            track_sids: track(),
            width: 320,
            height: 180,
            ..Default::default()
        }),
        Message::SubscriptionPermission(lk::SubscriptionPermission {
            track_permissions: vec![lk::TrackPermission {
                participant_identity: "bob".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        Message::SyncState(lk::SyncState {
            datachannel_receive_states: vec![Default::default()],
            track_sids_disabled: track(),
            ..Default::default()
        }),
        Message::Simulate(lk::SimulateScenario {
            scenario: Some(lk::simulate_scenario::Scenario::SubscriberBandwidth(9)),
        }),
        Message::UpdateMetadata(lk::UpdateParticipantMetadata {
            metadata: "m".to_owned(),
            attributes: [("k".to_owned(), "v".to_owned())].into(),
            request_id: 3,
            ..Default::default()
        }),
        Message::UpdateAudioTrack(lk::UpdateLocalAudioTrack {
            track_sid: "TR_x".to_owned(),
            features: vec![1, 2],
        }),
        Message::UpdateVideoTrack(lk::UpdateLocalVideoTrack {
            track_sid: "TR_x".to_owned(),
            width: 1,
            height: 2,
        }),
        Message::Leave(Default::default()),
        Message::PingReq(lk::Ping { timestamp: 1, rtt: 2 }),
    ];
    messages.into_iter().map(|message| lk::SignalRequest { message: Some(message) }.encode_to_vec()).collect()
}

fn api() -> Vec<Vec<u8>> {
    let json = br#"{"room":"hall","name":"hall","identity":"ada","metadata":"m","names":["hall"],"data":"YQ==","trackSid":"x"}"#;
    let mut list = Vec::new();
    for method in 0..METHODS.len() {
        list.push([&[u8::try_from(method).unwrap_or(0), 1], &json[..]].concat());
        let wire = lk::RoomParticipantIdentity {
            room: "hall".to_owned(),
            identity: "ada".to_owned(),
            ..Default::default()
        };
        list.push([&[u8::try_from(method).unwrap_or(0), 0], &wire.encode_to_vec()[..]].concat());
    }
    list
}

fn envelope() -> Vec<Vec<u8>> {
    let user =
        lk::UserPacket { payload: vec![1, 2, 3], topic: Some("chat".to_owned()), ..Default::default() };
    let packet = lk::DataPacket {
        value: Some(lk::data_packet::Value::User(user)),
        participant_identity: "somebody else".to_owned(),
        destination_identities: vec!["bob".to_owned()],
        sequence: 4,
        ..Default::default()
    };
    vec![packet.encode_to_vec(), lk::DataPacket::default().encode_to_vec()]
}

fn tokens() -> Vec<Vec<u8>> {
    let with = |header: &str, claims: &str| {
        let len = u16::try_from(header.len()).unwrap_or(0).to_be_bytes();
        [&len, header.as_bytes(), claims.as_bytes()].concat()
    };
    vec![
        with(
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"iss":"key","sub":"ada","exp":9999999999,"video":{"roomJoin":true,"room":"hall"}}"#,
        ),
        with(r#"{"alg":"HS256","crit":["x"]}"#, r#"{"iss":"key","sub":"ada","exp":9999999999}"#),
        with(r#"{"alg":"none"}"#, r#"{"iss":"media","aud":"playback","sub":"x","exp":9999999999}"#),
        b"Bearer a.b.c".to_vec(),
    ]
}

const SINGLE: &str = include_str!("../../sfu/core/src/sdp/tests/chromium_single.sdp");
const FIREFOX: &str = include_str!("../../sfu/core/src/sdp/tests/firefox_publisher.sdp");
const CAPTIONS: &[u8] = include_bytes!("../../testdata/media/captions.vtt");
const PLAYLIST: &[u8] = b"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-03-01T09:30:00.125Z\n#EXTINF:2.000000,\nv/1.m4s\n";
const JOIN: &[u8] = b"protocol=16&auto_subscribe=1&adaptive_stream=true&browser=Safari&capabilities=1,2&publish=cam&attributes=eyJhIjoiYiJ9\n{\"iss\":\"key\",\"sub\":\"ada\",\"exp\":9,\"name\":\"Ada\",\"attributes\":{\"k\":\"v\"},\"video\":{\"roomJoin\":true,\"room\":\"hall\",\"canPublish\":false}}";
const RESUME: &[u8] = b"reconnect=1&sid=PA_x\n{\"iss\":\"key\",\"jti\":\"x\",\"sub\":\"ada\",\"exp\":9,\"kind\":\"agent\",\"video\":{\"roomJoin\":true,\"room\":\"hall\",\"hidden\":true}}";
pub(crate) const L3T3_KEY: &[u8] = &[
    0xc0, 0x00, 0x01, 0x80, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaa, 0xaa, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40,
    0x00, 0x10, 0x00, 0x02, 0xaa, 0x80, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x10, 0x00, 0x02, 0xa0,
    0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x16, 0xd5, 0x49, 0x24, 0x1b, 0x55, 0x24, 0x90, 0x6d,
    0x54, 0x92, 0x30, 0x15, 0xa8, 0x00, 0x32, 0xe9, 0x95, 0x0c, 0x86, 0x61, 0xc4, 0x44, 0x72, 0xdd, 0x95,
    0x0c, 0xaa, 0x60, 0x84, 0x48, 0x72, 0x1d, 0x95, 0x0e, 0xea, 0x60, 0x27, 0xe0, 0x16, 0x60, 0x4f, 0xe0,
    0x2c, 0xe0, 0x9f, 0xe0, 0x59, 0xe0,
];
const L1T3: &[u8] = &[
    0xc0, 0x00, 0x01, 0x80, 0x02, 0x14, 0xea, 0xa8, 0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x10, 0x84, 0xe0,
    0x27, 0xe0, 0x16, 0x60,
];
