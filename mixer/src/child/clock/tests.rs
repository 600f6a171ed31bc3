use super::*;

const SECOND: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;

fn at(ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap())
}

/// Sends a packet each 20 ms for `seconds`, each with `delay(second)` on top; returns the offset then.
fn run(clock: &mut ParticipantClock, from: i64, seconds: i64, delay: impl Fn(i64) -> i64) -> i64 {
    for packet in 0..seconds * 50 {
        let sent = from + packet * 20 * MS;
        let delay = delay((sent - from) / SECOND);
        clock.observe(at(sent + delay), delay, false);
    }
    clock.offset_ns().unwrap()
}

#[test]
fn reports_put_picture_and_sound_on_one_clock() {
    let (mut video, mut audio) = (TrackClock::new(90_000), TrackClock::new(48_000));
    let ntp = 3_900_000_000_u64 << 32;
    video.handle_report(ntp, 1_000);
    audio.handle_report(ntp, 7_000);
    let (frame, _) = video.handle_packet(at(0), 1_000 + 45_000);
    let (sound, _) = audio.handle_packet(at(0), 7_000 + 24_000);
    assert_eq!(video.running_ns(frame, Some(5)), audio.running_ns(sound, Some(5)));
    assert_eq!(video.running_ns(frame, None), None);
}

#[test]
fn packets_before_the_first_report_still_give_the_offset() {
    let (mut early, mut late) = (TrackClock::new(90_000), TrackClock::new(90_000));
    let ntp = 3_900_000_000_u64 << 32;
    late.handle_report(ntp, 0);
    let (_, expected) = late.handle_packet(at(40 * MS), 900);
    assert_eq!(early.handle_packet(at(40 * MS), 900).1, None);
    early.handle_packet(at(90 * MS), 3_600);
    let seen = early.handle_report(ntp, 0).unwrap();
    assert_eq!(Some(seen), expected);
}

#[test]
fn the_rtp_time_of_a_report_may_lie_before_the_wrap() {
    let mut track = TrackClock::new(90_000);
    track.handle_packet(at(0), 500);
    track.handle_report(3_900_000_000 << 32, u32::MAX - 89_499);
    let (ticks, _) = track.handle_packet(at(0), 500);
    assert_eq!(track.running_ns(ticks, Some(-3_900_000_000 * SECOND)), Some(SECOND));
}

#[test]
fn jitter_does_not_move_the_offset() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 20 * MS, true);
    let offset = run(&mut clock, 0, 60, |second| 20 * MS + (second % 7) * MS);
    assert_eq!((offset, clock.steps()), (20 * MS, 0));
}

#[test]
fn a_track_that_has_shown_nothing_may_lower_the_offset() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 80 * MS, true);
    clock.observe(at(0), 30 * MS, false);
    assert_eq!(clock.offset_ns(), Some(80 * MS));
    clock.observe(at(0), 30 * MS, true);
    assert_eq!(clock.offset_ns(), Some(30 * MS));
}

#[test]
fn drift_is_followed_a_millisecond_a_second() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 0, true);
    let offset = run(&mut clock, 0, 20, |_| 30 * MS);
    assert!((18 * MS..=20 * MS).contains(&offset), "{offset}");
    assert_eq!(run(&mut clock, 20 * SECOND, 20, |_| 30 * MS), 20 * MS);
}

#[test]
fn a_longer_path_is_followed_after_three_seconds_at_once() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 0, true);
    assert_eq!(run(&mut clock, 0, 2, |_| 400 * MS), 0);
    assert_eq!(run(&mut clock, 2 * SECOND, 3, |_| 400 * MS), 400 * MS);
}

#[test]
fn a_burst_of_queueing_is_not_a_longer_path() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 0, true);
    let offset = run(&mut clock, 0, 20, |second| if second % 4 == 0 { 400 * MS } else { 0 });
    assert_eq!(offset, 0);
}

#[test]
fn a_sender_clock_set_forward_is_followed_at_once() {
    let mut clock = ParticipantClock::default();
    clock.observe(at(0), 0, true);
    clock.observe(at(SECOND / 2), -SECOND, false);
    assert_eq!(clock.offset_ns(), Some(-SECOND));
}

#[test]
fn without_reports_the_quickest_packet_counts_as_punctual() {
    let mut track = TrackClock::new(90_000);
    track.handle_packet(at(50 * MS), 0);
    track.handle_packet(at(30 * MS + SECOND), 90_000);
    assert_eq!(track.running_ns(0, Some(0)), None);
    track.assume_report();
    let (ticks, seen) = track.handle_packet(at(35 * MS + 2 * SECOND), 180_000);
    assert_eq!(seen, None);
    assert_eq!(track.running_ns(ticks, Some(7)), Some(30 * MS + 2 * SECOND));
}

#[test]
fn a_report_after_the_assumption_continues_where_it_was() {
    let (mut track, mut clock) = (TrackClock::new(90_000), ParticipantClock::default());
    track.handle_packet(at(30 * MS), 0);
    track.assume_report();
    let seen = track.handle_report(3_900_000_000 << 32, 0).unwrap();
    clock.observe(at(2 * SECOND), seen, false);
    assert_eq!(track.running_ns(90_000, clock.offset_ns()), Some(30 * MS + SECOND));
}
