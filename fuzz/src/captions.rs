//! What viewers' players and uploaders bring or get: WebVTT, playlists, CMAF boxes.

use std::time::Duration;

use hls::fmp4::{self, Boxes};
use hls::playlist::{Lifecycle, MediaPlaylist, Segment, target_duration_s};
use hls::vtt::{Cue, WebVtt, escape};
use hls::{rewrite, rules, time};

use crate::input::Input;

/// Captions that are accepted survive being written; so does any text that was escaped into a cue.
pub fn vtt(data: &[u8]) {
    let mut input = Input::new(data);
    let from = Duration::from_micros(u64::from(input.number()) * 317);
    let length = Duration::from_micros(u64::from(input.number()) * 317);
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    let safe = escape(text);
    assert!(!safe.contains("-->") && !safe.contains('<'));
    if !safe.is_empty() {
        let time = Duration::ZERO..Duration::from_secs(1);
        let made = WebVtt::from_cues(vec![Cue { time, settings: String::new(), text: safe }]);
        assert_eq!(WebVtt::parse(&made.render()).as_ref(), Ok(&made));
    }
    let Ok(read) = WebVtt::parse(text) else { return };
    assert!(read.cues().iter().all(|cue| cue.time.start < cue.time.end));
    assert!(read.cues().is_sorted_by_key(|cue| cue.time.start));
    assert_eq!(WebVtt::parse(&read.render()).as_ref(), Ok(&read));
    let segment = WebVtt::parse(&read.segment(from..from + length, 90_000)).expect("a segment can be read");
    assert!(segment.cues().iter().all(|cue| cue.time.end <= length));
    assert!(segment.cues().len() <= read.cues().len());
}

/// A token goes into every URI and nowhere else; a playlist of ours reads back as it was.
pub fn playlist(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        // A lone CR at the very end stands before the LF that a rewrite adds.
        let text = text.trim_end_matches('\r');
        let uris = rewrite::uris(text);
        let signed = rewrite::with_token(text, "a b");
        let rewritten = rewrite::uris(&signed);
        assert_eq!(rewritten.len(), uris.len());
        for (before, after) in uris.iter().zip(rewritten) {
            let (path, fragment) = before.split_once('#').unwrap_or((before, ""));
            assert!(after.starts_with(path) && after.ends_with(fragment) && after.contains("token=a%20b"));
        }
        let same = rewrite::map_uris(text, str::to_owned);
        assert!(same.lines().eq(text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line))));
        if let Some(at_us) = time::parse_iso8601(text) {
            let written = time::iso8601(at_us);
            let read = time::parse_iso8601(&written);
            assert!(read.is_none_or(|read| read == at_us - at_us.rem_euclid(1000)));
        }
    }
    written_playlist(&mut Input::new(data));
}

fn written_playlist(input: &mut Input<'_>) {
    let lifecycle =
        [Lifecycle::Sliding, Lifecycle::Event, Lifecycle::EndedEvent, Lifecycle::Vod][input.below(4)];
    let (first_number, before) = (u64::from(input.number()), u64::from(input.byte() & 1));
    let mut segments = Vec::new();
    let mut run = 0;
    while !input.is_empty() {
        let choice = input.byte();
        run += u32::from(choice & 1);
        segments.push(Segment {
            uri: format!("v/{}.m4s", segments.len()),
            duration: Duration::from_micros(u64::from(input.number()) * 211),
            started_at_us: (choice & 2 != 0).then(|| i64::from(input.number()) * 1_000),
            run,
            init_uri: (choice & 4 != 0).then(|| format!("v/init-{run}.mp4")),
        });
    }
    let playlist = MediaPlaylist {
        lifecycle,
        target_duration_s: target_duration_s(2, segments.iter().map(|segment| segment.duration)),
        first_number,
        discontinuities_before: before,
        segments,
    };
    let read = rules::read(&playlist.to_string()).expect("what we write can be read");
    assert_eq!((read.first_number, read.target_s), (first_number, playlist.target_duration_s));
    assert_eq!(read.segments.len(), playlist.segments.len());
    for (read, segment) in read.segments.iter().zip(&playlist.segments) {
        assert_eq!(read.uri, segment.uri);
        assert_eq!(u128::try_from(read.duration_us), Ok(segment.duration.as_micros()));
        assert!(segment.started_at_us.is_none() || read.started_at_us == segment.started_at_us);
    }
}

/// Boxes lie one after the other within the bytes, whatever their lengths claim.
pub fn fmp4(data: &[u8]) {
    let mut covered = 0;
    for each in Boxes::new(data).flatten() {
        covered += 8 + each.body.len();
        assert!(covered <= data.len());
    }
    if fmp4::whole(data).is_err() {
        assert!(fmp4::read_init(data).is_err(), "a cut file has no track");
    }
    if let Ok(track) = fmp4::read_init(data) {
        assert!(track.timescale > 0 && !track.codecs.is_empty());
    }
    if let Ok(time) = fmp4::read_segment(data) {
        let _ = time.length(90_000);
    }
}
