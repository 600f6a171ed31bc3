use super::*;

const CAMERA: TrackHandle = TrackHandle(1);
const MICROPHONE: TrackHandle = TrackHandle(2);
/// NTP of the moment at which running time is zero.
const EPOCH: u64 = 3_900_000_000 << 32;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn started(track: TrackHandle, codec: Codec) -> ToMixer {
    let source = if codec == Codec::Opus { TrackSource::Microphone } else { TrackSource::Camera };
    ToMixer::TrackStarted { track, identity: "ada".into(), source, codec, muted: false }
}

fn report(track: TrackHandle) -> ToMixer {
    ToMixer::SenderReport { track, ntp: EPOCH, rtp_time: 0 }
}

/// A VP8 frame in one packet, sent `sent_ms` after the epoch.
fn frame(seq: u16, sent_ms: u32, keyframe: bool) -> Bytes {
    rtp_packet(seq, sent_ms * 90, &[0x10, u8::from(!keyframe), 7])
}

fn sound(seq: u16, sent_ms: u32) -> Bytes {
    rtp_packet(seq, sent_ms * 48, &[0xfc, 1])
}

fn rtp_packet(seq: u16, rtp_time: u32, payload: &[u8]) -> Bytes {
    let mut packet = vec![0x80, 0x80 | 96];
    packet.extend(seq.to_be_bytes());
    packet.extend(rtp_time.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(payload);
    packet.into()
}

fn deliveries(reception: &mut Reception) -> Vec<Delivery> {
    std::iter::from_fn(|| reception.poll()).collect()
}

/// Times of the frames of one track, in milliseconds.
fn times(deliveries: &[Delivery], wanted: TrackHandle) -> Vec<u128> {
    let time = |delivery: &Delivery| {
        let Delivery::Frame { track, pts, .. } = delivery else { return None };
        (*track == wanted).then_some(pts.as_millis())
    };
    deliveries.iter().filter_map(time).collect()
}

fn requests(deliveries: &[Delivery]) -> usize {
    deliveries.iter().filter(|delivery| matches!(delivery, Delivery::KeyframeRequest { .. })).count()
}

#[test]
fn sound_that_travels_faster_than_its_picture_waits_for_it() {
    let mut reception = Reception::default();
    for (track, codec) in [(CAMERA, Codec::Vp8), (MICROPHONE, Codec::Opus)] {
        reception.handle_message(ms(0), started(track, codec));
        reception.handle_message(ms(0), report(track));
    }
    // Both were captured at 1,000 ms; the picture is on its way for 170 ms, the sound for 20 ms.
    reception.handle_rtp(ms(1_020), MICROPHONE, sound(1, 1_000));
    reception.handle_rtp(ms(1_170), CAMERA, frame(1, 1_000, true));
    let delivered = deliveries(&mut reception);
    assert_eq!(times(&delivered, MICROPHONE), [1_020]);
    assert_eq!(times(&delivered, CAMERA), [1_020 + 16]);
}

#[test]
fn frames_before_the_first_report_are_held_and_keep_their_times() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    for number in 0..10_u16 {
        let sent = u32::from(number) * 33;
        reception.handle_rtp(ms(u64::from(sent) + 50), CAMERA, frame(number, sent, number == 0));
    }
    assert_eq!(times(&deliveries(&mut reception), CAMERA), []);
    reception.handle_message(ms(400), report(CAMERA));
    let times = times(&deliveries(&mut reception), CAMERA);
    assert_eq!(times.len(), 10);
    assert_eq!((times[0], times[9]), (66, 66 + 9 * 33));
}

#[test]
fn without_any_report_frames_flow_after_two_seconds() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_rtp(ms(50), CAMERA, frame(0, 0, true));
    assert_eq!(reception.poll_timeout(), Some(ms(2_050)));
    reception.handle_timeout(ms(2_050));
    assert_eq!(times(&deliveries(&mut reception), CAMERA), [66]);
    reception.handle_rtp(ms(2_083), CAMERA, frame(1, 2_033, false));
    assert_eq!(times(&deliveries(&mut reception), CAMERA), [2_083 + 16]);
}

#[test]
fn packets_that_overtake_their_announcement_are_kept() {
    let mut reception = Reception::default();
    reception.handle_rtp(ms(10), CAMERA, frame(0, 0, true));
    reception.handle_message(ms(11), started(CAMERA, Codec::Vp8));
    reception.handle_message(ms(11), report(CAMERA));
    assert_eq!(times(&deliveries(&mut reception), CAMERA).len(), 1);
}

#[test]
fn a_loss_asks_for_a_keyframe_and_then_at_most_twice_a_second() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_message(ms(0), report(CAMERA));
    reception.handle_rtp(ms(0), CAMERA, frame(0, 0, true));
    deliveries(&mut reception);
    let mut asked = 0;
    for number in 2..62_u16 {
        let sent = u32::from(number) * 33;
        reception.handle_rtp(ms(u64::from(sent)), CAMERA, frame(number, sent, false));
        reception.handle_timeout(ms(u64::from(sent) + 30));
        let delivered = deliveries(&mut reception);
        assert_eq!(times(&delivered, CAMERA), []);
        asked += requests(&delivered);
    }
    assert_eq!(asked, 4);
    reception.handle_rtp(ms(62 * 33), CAMERA, frame(62, 62 * 33, true));
    let delivered = deliveries(&mut reception);
    assert_eq!((times(&delivered, CAMERA).len(), requests(&delivered)), (1, 0));
}

#[test]
fn a_silent_track_asks_for_nothing() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_timeout(ms(60_000));
    assert_eq!(requests(&deliveries(&mut reception)), 0);
}

#[test]
fn one_swapped_pair_costs_no_frame() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_message(ms(0), report(CAMERA));
    for number in [0_u16, 2, 1, 3] {
        let sent = u32::from(number) * 33;
        reception.handle_rtp(ms(100), CAMERA, frame(number, sent, number == 0));
    }
    let delivered = deliveries(&mut reception);
    assert_eq!((times(&delivered, CAMERA).len(), requests(&delivered)), (4, 0));
}

#[test]
fn a_lost_link_ends_every_track_once() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_message(ms(0), started(MICROPHONE, Codec::Opus));
    deliveries(&mut reception);
    reception.reset();
    reception.handle_message(ms(5), ToMixer::TrackEnded { track: CAMERA });
    let ended = [Delivery::Ended { track: CAMERA }, Delivery::Ended { track: MICROPHONE }];
    assert_eq!(deliveries(&mut reception), ended);
    assert!(reception.tracks.is_empty());
}

/// A track that ends and comes back, as after a codec switch, must not inherit the old sequence numbers.
#[test]
fn a_new_track_of_the_same_camera_starts_clean() {
    let mut reception = Reception::default();
    reception.handle_message(ms(0), started(CAMERA, Codec::Vp8));
    reception.handle_message(ms(0), report(CAMERA));
    reception.handle_rtp(ms(0), CAMERA, frame(900, 0, true));
    reception.handle_message(ms(10), ToMixer::TrackEnded { track: CAMERA });
    let next = TrackHandle(9);
    reception.handle_message(ms(10), started(next, Codec::H264));
    reception.handle_message(ms(10), report(next));
    reception.handle_rtp(ms(20), next, rtp_packet(5, 0, &[0x65, 1]));
    assert_eq!(times(&deliveries(&mut reception), next).len(), 1);
}
