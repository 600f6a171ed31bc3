use wire::media::SegmentInfo;

use super::*;
use crate::rules;

fn renditions() -> Vec<RenditionInfo> {
    let video = |name: &str, width, height| RenditionInfo {
        name: name.into(),
        kind: RenditionKind::Video { width, height, frame_rate: 30.0 },
        codecs: "avc1.42c01f".into(),
        bandwidth_bps: 1_000_000,
    };
    let audio = RenditionInfo {
        name: "audio".into(),
        kind: RenditionKind::Audio { channels: 2 },
        codecs: "mp4a.40.2".into(),
        bandwidth_bps: 128_000,
    };
    vec![video("v720", 1280, 720), video("v360", 640, 360), audio]
}

/// Twenty sets; the child was restarted before number 4 and before number 16 (after a run without any set).
fn sets() -> Vec<SegmentSet> {
    let set = |number: u64| {
        let (run, gap_ms) = match number {
            0..4 => (0, 0),
            4..16 => (1, 1_500),
            _ => (3, 4_500),
        };
        let offset_ms = number * 2_000 + gap_ms;
        let segment = |duration_us, size_bytes| SegmentInfo { duration_us, size_bytes };
        SegmentSet {
            number,
            started_at_us: 1_774_861_445_000_000 + i64::try_from(offset_ms).unwrap() * 1_000,
            run,
            offset_ms,
            segments: vec![
                segment(2_000_000, 500_000),
                segment(2_000_000, 90_000),
                segment(2_005_333, 32_000),
            ],
        }
    };
    (0..20).map(set).collect()
}

#[test]
fn every_view_of_a_recording_keeps_the_rules() {
    let (renditions, sets) = (renditions(), sets());
    for lifecycle in [Lifecycle::Sliding, Lifecycle::Event, Lifecycle::EndedEvent, Lifecycle::Vod] {
        for count in [1, 4, 5, 17, 20] {
            let media: Vec<_> = renditions
                .iter()
                .map(|each| media_playlist(&renditions, &sets[..count], &each.name, lifecycle).unwrap())
                .chain([text_playlist(&sets[..count], "trk", lifecycle)])
                .collect();
            assert_eq!(rules::check_renditions(&media), Vec::<String>::new(), "{lifecycle:?}, {count} sets");
        }
    }
}

#[test]
fn a_growing_playlist_only_appends() {
    let (renditions, sets) = (renditions(), sets());
    for lifecycle in [Lifecycle::Sliding, Lifecycle::Event] {
        let mut before: Option<String> = None;
        for count in 1..=sets.len() {
            let now = media_playlist(&renditions, &sets[..count], "v720", lifecycle).unwrap();
            if let Some(before) = before {
                assert_eq!(rules::check_reload(&before, &now), Vec::<String>::new(), "{count} sets");
            }
            before = Some(now);
        }
    }
}

#[test]
fn a_sliding_playlist_counts_the_breaks_that_left() {
    let (renditions, sets) = (renditions(), sets());
    let playlist =
        |count: usize| media_playlist(&renditions, &sets[..count], "v720", Lifecycle::Sliding).unwrap();
    assert!(!playlist(9).contains("DISCONTINUITY-SEQUENCE"), "the break stands in the playlist");
    assert!(playlist(9).contains("#EXT-X-DISCONTINUITY\n"));
    assert!(playlist(10).contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "number 4 is the first");
    assert!(!playlist(10).contains("#EXT-X-DISCONTINUITY\n"));
    assert!(playlist(20).contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
    assert!(playlist(20).contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v720/init-3.mp4\"\n"));
}

#[test]
fn the_bandwidth_is_the_peak_when_it_is_above_the_promise() {
    let text = multivariant(&renditions(), &sets(), Vec::new(), View::Live);
    assert!(text.contains("BANDWIDTH=2128000,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720"));
    assert!(text.contains("BANDWIDTH=1128000,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=640x360"));
    assert!(text.contains("\nlive-v720.m3u8\n"));
    assert_eq!(rules::check_multivariant(&text), Vec::<String>::new());
}

#[test]
fn captions_follow_the_player_and_map_to_the_media() {
    let captions = WebVtt::parse("WEBVTT\n\n00:09.000 --> 00:10.500\nacross\n").unwrap();
    let sets = sets();
    let four = text_segment(&sets, &captions, 4).unwrap();
    assert!(four.contains("X-TIMESTAMP-MAP=MPEGTS:855000,LOCAL:00:00:00.000\n"), "9.5 s: {four}");
    assert!(four.contains("00:00:01.000 --> 00:00:02.000\nacross"), "{four}");
    assert!(text_segment(&sets, &captions, 5).unwrap().contains("00:00:00.000 --> 00:00:00.500\nacross"));
    assert!(!text_segment(&sets, &captions, 6).unwrap().contains("-->"));
    assert_eq!(text_segment(&sets, &captions, 20), None);
    assert_eq!(played_duration(&sets), Duration::from_secs(40));
}
