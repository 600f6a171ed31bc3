use std::collections::BTreeSet;

use super::scene::*;
use crate::forward::Target;
use crate::receive::EncodingIndex;
use crate::rtcp::NtpTime;
use crate::rtp::RtpTime;

const FRAME_US: u64 = 33_333;

#[test]
fn nothing_is_sent_before_a_keyframe_of_the_target() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    assert_eq!(scene.forwarding.waits_for(), Some(EncodingIndex(0)));
    scene.send(camera.frame(Frame::new(0, 0)));
    scene.send(camera.frame(Frame::new(1, 0).key()));
    assert!(scene.take().is_empty());
    scene.send(camera.frame(Frame::new(0, FRAME_US).key()));
    assert_eq!(scene.take().len(), 3);
    assert_eq!(scene.forwarding.waits_for(), None);
}

#[test]
fn the_first_packet_has_the_negotiated_values() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let got = scene.take();
    let first = &got[0];
    assert_eq!((first.ssrc, first.pt, first.seq, first.time), (VIEWER_SSRC, 120, 1, 0xffff_f000));
    assert!(first.has_mid);
    assert_eq!(
        got.iter().map(|got| got.transport_cc).collect::<Vec<_>>(),
        [Some(65_530), Some(65_531), Some(65_532)]
    );
    assert!(!got[1].marker && got[2].marker);
}

#[test]
fn mid_is_sent_in_each_stream_until_its_first_receiver_report() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let report = |scene: &mut Scene, ssrc| {
        let block = crate::rtcp::ReportBlock {
            ssrc: crate::rtp::Ssrc(ssrc),
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_seq: 3,
            jitter: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        };
        scene.forwarding.handle_report(scene.now(), &block);
    };
    let mid_of =
        |scene: &mut Scene| -> Vec<_> { scene.take().iter().map(|got| (got.ssrc, got.has_mid)).collect() };
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key().packets(1)));
    assert_eq!(mid_of(&mut scene), [(VIEWER_SSRC, true)]);
    report(&mut scene, VIEWER_SSRC);
    scene.send(camera.frame(Frame::new(0, FRAME_US).packets(1)));
    scene.nack(&[1]);
    assert_eq!(mid_of(&mut scene), [(VIEWER_SSRC, false), (VIEWER_RTX, true)]);
    report(&mut scene, VIEWER_RTX);
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US).packets(1)));
    scene.nack(&[2]);
    assert_eq!(mid_of(&mut scene), [(VIEWER_SSRC, false), (VIEWER_RTX, false)]);
}

#[test]
fn pausing_stops_at_once_and_resuming_waits_for_a_keyframe() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    scene.forwarding.set_target(None);
    scene.now_us = FRAME_US;
    scene.send(camera.frame(Frame::new(0, FRAME_US)));
    scene.target(0);
    scene.now_us = 10_000_000;
    scene.send(camera.frame(Frame::new(0, 10_000_000)));
    assert_eq!(scene.take().len(), 3);
    scene.now_us += FRAME_US;
    scene.send(camera.frame(Frame::new(0, 10_000_000 + FRAME_US).key()));
    let got = scene.take();
    assert_eq!((got.len(), got[0].seq), (3, 4));
    // Without sender reports the pause passes on the viewer's clock as it did on the wall.
    let expected = 0xffff_f000u32.wrapping_add(ticks(10_000_000 + FRAME_US, 90_000));
    assert_eq!(got[0].time, expected);
}

#[test]
fn skips_packets_from_before_the_switch() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let old = camera.frame(Frame::new(0, 0));
    scene.target(0);
    // The stream is known, so that its older packets count as late.
    scene.send(camera.frame(Frame::new(0, FRAME_US)));
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US).key()));
    scene.send(old);
    assert_eq!(scene.take().len(), 3);
    assert_eq!(scene.counters.forward.before_switch, 3);
}

#[test]
fn packets_of_a_keyframe_that_overtook_its_first_one_follow_it() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0)));
    let mut key = camera.frame(Frame::new(0, FRAME_US).key().packets(5));
    let first = key.remove(0);
    scene.send(key);
    assert!(scene.take().is_empty());
    scene.send([first]);
    let mut got = scene.take();
    got.sort_by_key(|got| got.seq);
    assert_continuous(&got);
    assert_eq!(got.iter().map(|got| got.mark().1).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn padding_leaves_no_gap() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    for frame in 1..200 {
        scene.now_us = frame * FRAME_US;
        let padding: Vec<_> = (0..frame % 5).map(|_| camera.padding(0, frame * FRAME_US)).collect();
        scene.send(padding);
        scene.send(camera.frame(Frame::new(0, frame * FRAME_US)));
    }
    let got = scene.take();
    assert_eq!(got.len(), 600);
    assert_continuous(&got);
    assert_eq!(scene.counters.forward.fillers, 0);
    assert_eq!(scene.counters.receive.padding_only, 40 * (1 + 2 + 3 + 4));
}

#[test]
fn late_padding_fills_the_number_that_later_packets_left_to_it() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let late = camera.padding(0, 0);
    scene.send(camera.frame(Frame::new(0, FRAME_US)));
    scene.send([late]);
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US)));
    let mut got = scene.take();
    assert!(got[6].payload.is_empty(), "padding has no media");
    got.sort_by_key(|got| got.seq);
    assert_continuous(&got);
    assert_eq!(scene.counters.forward.fillers, 1);
}

/// Frames swapped and parts shuffled: every packet gets the number of its place.
#[test]
fn reordered_packets_get_the_numbers_of_their_places() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    for frame in 1..2_000 {
        let at = frame * FRAME_US;
        for packet in camera.frame(Frame::new(0, at)) {
            scene.enqueue(at + rng.below(60_000), packet);
        }
        if rng.below(3) == 0 {
            scene.enqueue(at + rng.below(20_000), camera.padding(0, at));
        }
        scene.run_until(at);
    }
    scene.run_until(2_100 * FRAME_US);
    let mut got = scene.take();
    // Late numbers unwrap by their order of arrival: sort by time and part, fillers in between.
    let media: Vec<_> = got.iter().filter(|got| !got.payload.is_empty()).cloned().collect();
    assert_eq!(media.len(), 6_000);
    got.sort_by_key(|got| got.seq);
    assert_continuous(&got);
    let mut order: Vec<_> = got.iter().filter(|got| !got.payload.is_empty()).collect();
    order.sort_by_key(|got| got.seq);
    let captured: Vec<_> = order.iter().map(|got| (got.capture_us(), got.mark().1)).collect();
    assert!(captured.is_sorted(), "numbers follow the order of capture");
}

#[test]
fn no_number_is_used_twice_when_the_publisher_repeats_packets() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let mut rng = Rng(0xdead_beef_1234_5678);
    scene.target(0);
    for frame in 0..3_000 {
        let at = frame * FRAME_US;
        let spec = Frame::new(0, at);
        let packets = camera.frame(if frame == 0 { spec.key() } else { spec });
        for packet in packets {
            for copy in 0..=rng.below(3) {
                scene.enqueue(at + copy * rng.below(500_000), packet.clone());
            }
        }
        scene.run_until(at);
    }
    let got = scene.take();
    let mut indices = std::collections::BTreeSet::new();
    let mut unwrapper = crate::rtp::SeqUnwrapper::default();
    for got in &got {
        assert!(indices.insert(unwrapper.unwrap(crate::rtp::SeqNo(got.seq))), "{} twice", got.seq);
    }
    assert!(got.len() > 8_900);
}

#[test]
fn higher_temporal_layers_are_left_out_without_gaps_in_numbers_or_pictures() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let patterns = [0u8, 2, 1, 2];
    let mut expected = 0;
    for frame in 0..2_000u64 {
        let at = frame * FRAME_US;
        scene.now_us = at;
        let temporal = if frame % 500 < 250 { 0 } else { Target::ALL_TEMPORAL };
        scene.forwarding.set_target(Some(Target { encoding: EncodingIndex(0), temporal }));
        let tid = patterns[usize::try_from(frame % 4).unwrap()];
        let spec = Frame::new(0, at).temporal(tid).packets(2);
        let spec = if frame == 0 { spec.key() } else { spec };
        scene.send(camera.frame(spec));
        expected += if temporal == 0 && tid > 0 { 0 } else { 2 };
    }
    let got = scene.take();
    assert_eq!(got.len(), expected);
    assert_continuous(&got);
    for pair in got.windows(2) {
        let step = u16::from(pair[1].capture_us() != pair[0].capture_us());
        assert_eq!(pair[1].picture_id(), (pair[0].picture_id() + step) & 0x7fff);
    }
}

/// The rest of a frame follows its beginning: otherwise the next frame would get its picture id.
#[test]
fn a_temporal_layer_ends_with_a_whole_frame() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let mut packets = camera.frame(Frame::new(0, FRAME_US).temporal(2)).into_iter();
    scene.send(packets.next());
    scene.forwarding.set_target(Some(Target { encoding: EncodingIndex(0), temporal: 0 }));
    scene.send(packets);
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US).temporal(2)));
    scene.send(camera.frame(Frame::new(0, 3 * FRAME_US)));
    let got = scene.take();
    assert_continuous(&got);
    let first = got[0].picture_id();
    let ids: Vec<_> = got.iter().map(|got| got.picture_id() - first).collect();
    assert_eq!(ids, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    assert_eq!(scene.counters.forward.temporal_skipped, 3);
}

#[test]
fn a_publishers_new_stream_goes_on_in_the_same_numbers_at_its_keyframe() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    camera.layers[0].seq = camera.layers[0].seq.wrapping_sub(20_000);
    camera.layers[0].time_base = 5;
    scene.now_us = FRAME_US;
    scene.send(camera.frame(Frame::new(0, FRAME_US)));
    assert_eq!(scene.take().len(), 3);
    scene.now_us = 2 * FRAME_US;
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US).key()));
    let got = scene.take();
    assert_eq!((got.len(), got[0].seq), (3, 4));
    assert_eq!(got[0].time, 0xffff_f000u32.wrapping_add(ticks(2 * FRAME_US, 90_000)));
}

/// Authenticated, but hostile: every byte may be anything.
#[test]
fn mutated_packets_pass_through_without_panic_and_without_using_a_number_twice() {
    let mut rng = Rng(0x0bad_cafe_dead_f00d);
    let mut scene = Scene::camera();
    let mut camera = Camera::new();
    scene.target(0);
    for frame in 0..5_000 {
        scene.now_us = frame * FRAME_US / 8;
        let spec = Frame::new(0, scene.now_us).packets(2);
        let mut packets = camera.frame(if frame % 50 == 0 { spec.key() } else { spec });
        for packet in &mut packets {
            for _ in 0..rng.below(4) {
                let place = usize::try_from(rng.below(packet.len() as u64)).unwrap();
                packet[place] = u8::try_from(rng.below(256)).unwrap();
            }
            let len = usize::try_from(rng.below(4 * packet.len() as u64)).unwrap();
            packet.truncate(len.max(2));
        }
        scene.send(packets);
        let asked = u16::try_from(rng.below(65_536)).unwrap();
        scene.nack(&[asked, asked.wrapping_add(1)]);
    }
    let mut unwrapper = crate::rtp::SeqUnwrapper::default();
    let mut indices = std::collections::BTreeSet::new();
    let media: Vec<_> = scene.take().into_iter().filter(|got| got.ssrc == VIEWER_SSRC).collect();
    assert!(media.len() > 1_000);
    for got in media {
        assert!(indices.insert(unwrapper.unwrap(crate::rtp::SeqNo(got.seq))), "{} twice", got.seq);
    }
}

/// Where a moment of the publisher's wall clock lies on the viewer's, in microseconds.
fn shown_at(report: (u64, NtpTime, RtpTime), time: u32, rate: u32) -> i64 {
    let (_, ntp, rtp_time) = report;
    let since_zero = ntp.ticks_since(ntp_at(0), 1_000_000);
    since_zero + i64::from(RtpTime(time).since(rtp_time)) * 1_000_000 / i64::from(rate)
}

/// A camera whose encodings arrive with different delays, keyframes on demand, reports each second.
struct Show {
    scene: Scene,
    camera: Camera,
    rng: Rng,
    frame: u64,
    reports: bool,
    /// When the last packet of each encoding arrived: its path keeps the order.
    arrived: [u64; 3],
}

impl Show {
    fn new(seed: u64, reports: bool) -> Self {
        Self {
            scene: Scene::camera(),
            camera: Camera::new(),
            rng: Rng(seed),
            frame: 0,
            reports,
            arrived: [0; 3],
        }
    }

    /// Captures and delivers one frame of every encoding.
    fn frame(&mut self) {
        let capture = self.frame * FRAME_US;
        for layer in 0..3u8 {
            let wanted = self.scene.forwarding.waits_for() == Some(EncodingIndex(layer));
            let packets = if wanted { 4 + 4 * layer } else { 1 + layer };
            let mut spec = Frame::new(layer, capture).packets(packets);
            spec.key = wanted;
            // The encoder's larger pictures take longer; a keyframe is spread by its pacer.
            let arrived = &mut self.arrived[usize::from(layer)];
            let mut at = (capture + 5_000 + 12_000 * u64::from(layer)).max(*arrived);
            for packet in self.camera.frame(spec) {
                at += if wanted { 6_000 } else { 500 } + self.rng.below(300);
                self.scene.enqueue(at, packet);
            }
            *arrived = at;
            if self.reports && self.frame % 30 == 7 * u64::from(layer) {
                let report = self.camera.report(layer, capture);
                self.scene.enqueue(capture + 20_000, report);
            }
        }
        self.frame += 1;
        self.scene.run_until(self.frame * FRAME_US);
    }

    fn check(&mut self) {
        let got = self.scene.take();
        assert_continuous(&got);
        for pair in got.windows(2) {
            let is_next =
                pair[1].capture_us() != pair[0].capture_us() || pair[1].mark().0 != pair[0].mark().0;
            let step = RtpTime(pair[1].time).since(RtpTime(pair[0].time));
            assert_eq!(step > 0, is_next, "times grow from frame to frame: {pair:?}");
            let pictures = pair[1].picture_id().wrapping_sub(pair[0].picture_id()) & 0x7fff;
            assert_eq!(pictures, u16::from(is_next), "picture ids are consecutive: {pair:?}");
        }
    }
}

#[test]
fn a_hundred_switches_are_continuous_with_sound_and_picture_within_45_ms() {
    let mut show = Show::new(0x0123_4567_89ab_cdef, true);
    let mut microphone = Scene::microphone(None);
    let mut voice = Voice { seq: 65_530, time_base: 0xffff_fff0 };
    let mut worst = 0;
    let mut flashes = 0;
    for second in 0..101u64 {
        let layer = u8::try_from((second + show.rng.below(2)) % 3).unwrap();
        show.scene.target(layer);
        microphone.target(0);
        for _ in 0..30 {
            show.frame();
        }
        // One beep, and a report of the microphone each five seconds, as browsers send them.
        let flash = second * 30 * FRAME_US + 20 * FRAME_US;
        if second % 5 == 0 {
            microphone.now_us = flash;
            microphone.receive(&voice.report(flash));
        }
        microphone.now_us = flash + 30_000;
        microphone.send([voice.packet(flash)]);
        let beep = microphone.take().pop().unwrap();
        let picture = show.scene.got.iter().find(|got| got.capture_us() == flash);
        let (sound_report, picture_report) = (microphone.reports.last(), show.scene.reports.last());
        if let (Some(picture), Some(&by_sound), Some(&by_picture)) = (picture, sound_report, picture_report) {
            let seen = shown_at(by_picture, picture.time, 90_000);
            let heard = shown_at(by_sound, beep.time, 48_000);
            worst = worst.max((seen - heard).abs());
            flashes += 1;
        }
        let last = show.scene.got.pop();
        show.check();
        show.scene.got.extend(last);
    }
    assert!(show.scene.counters.forward.switches >= 60, "{}", show.scene.counters.forward.switches);
    assert!(flashes >= 95, "{flashes} flashes were shown");
    assert!(worst <= 45_000, "sound and picture are {worst} µs apart");
}

#[test]
fn a_hundred_switches_without_reports_are_continuous_too() {
    let mut show = Show::new(0xfeed_f00d_0000_0001, false);
    for step in 0..100u64 {
        show.scene.target(u8::try_from((step + 1 + show.rng.below(2)) % 3).unwrap());
        for _ in 0..20 {
            show.frame();
        }
    }
    show.check();
}

/// The microphone of the same speaker.
struct Voice {
    seq: u16,
    time_base: u32,
}

impl Voice {
    fn time(&self, at_us: u64) -> RtpTime {
        RtpTime(self.time_base.wrapping_add(ticks(at_us, 48_000)))
    }

    fn packet(&mut self, at_us: u64) -> Vec<u8> {
        self.seq = self.seq.wrapping_add(1);
        let fields = crate::rtp::HeaderFields {
            marker: false,
            padding: false,
            pt: pt(111),
            seq: crate::rtp::SeqNo(self.seq),
            time: self.time(at_us),
            ssrc: crate::rtp::Ssrc(2000),
        };
        rtp(&fields, &[], &[1, 2, 3, 4])
    }

    fn report(&self, at_us: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let clock = (ntp_at(at_us), self.time(at_us));
        crate::rtcp::write_sender_report(&mut out, crate::rtp::Ssrc(2000), clock, (0, 0));
        out
    }
}

#[test]
fn a_late_packet_of_a_frame_that_was_left_out_takes_no_other_frames_id() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.forwarding.set_target(Some(Target { encoding: EncodingIndex(0), temporal: 0 }));
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let mut left_out = camera.frame(Frame::new(0, 33_000).temporal(2));
    let late = left_out.remove(0);
    scene.send(left_out);
    scene.send(camera.frame(Frame::new(0, 66_000)));
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 99_000).temporal(2)));
    scene.send([late]);
    let got = scene.take();
    let frames: BTreeSet<_> = got.iter().filter(|got| !got.payload.is_empty()).map(Got::capture_us).collect();
    assert_eq!(frames.into_iter().collect::<Vec<_>>(), [0, 66_000, 99_000]);
    let mut numbers: Vec<u16> = got.iter().map(|got| got.seq).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<u16>>(), "its number is filled");
}

#[test]
fn a_base_layers_packet_that_comes_too_late_asks_for_a_keyframe() {
    for (temporal, wanted) in [(0, Some(EncodingIndex(0))), (1, None)] {
        let (mut scene, mut camera) = (Scene::camera(), Camera::new());
        scene.target(0);
        scene.send(camera.frame(Frame::new(0, 0).key()));
        let mut frame = camera.frame(Frame::new(0, FRAME_US).temporal(temporal));
        let late = frame.remove(0);
        scene.send(frame);
        for at in 2..100 {
            scene.send(camera.frame(Frame::new(0, at * FRAME_US)));
        }
        scene.take();
        scene.send([late]);
        assert!(scene.take().is_empty(), "its number may have been used");
        assert_eq!(scene.forwarding.take_starved(), wanted, "temporal layer {temporal}");
        assert_eq!(scene.forwarding.take_starved(), None);
    }
}
