use super::*;

const FILE: &str = "\u{feff}WEBVTT - a title\r\nKind: captions\r\n\r\nNOTE\r\nnot shown\r\n\r\n\
    STYLE\r\n::cue { color: red }\r\n\r\n1\r\n00:01.500 --> 00:00:04.000 align:start\r\n\
    <v Ada>one &amp; two\r\nsecond line\r\n\r\n\r\n01:00:00.000 --> 01:00:01.000\r\nlate\r\n";

fn seconds(range: Range<f64>) -> Range<Duration> {
    Duration::from_secs_f64(range.start)..Duration::from_secs_f64(range.end)
}

#[test]
fn cues_are_read_and_the_rest_is_dropped() {
    let vtt = WebVtt::parse(FILE).unwrap();
    assert_eq!(
        vtt.cues(),
        [
            Cue {
                time: seconds(1.5..4.0),
                settings: "align:start".into(),
                text: "<v Ada>one &amp; two\nsecond line".into()
            },
            Cue { time: seconds(3_600.0..3_601.0), settings: String::new(), text: "late".into() },
        ]
    );
    assert!(!vtt.render().contains("color"));
    assert_eq!(WebVtt::parse(&vtt.render()), Ok(vtt));
}

#[test]
fn a_file_that_players_stumble_over_is_refused_with_its_line() {
    for (text, error) in [
        ("", VttError::NoSignature),
        ("WEBVTTX\n", VttError::NoSignature),
        ("1\n00:00.000 --> 00:01.000\nsrt\n", VttError::NoSignature),
        ("WEBVTT\n\n00:00,000 --> 00:01,000\nx\n", VttError::BadTimes { line: 3 }),
        ("WEBVTT\n\n00:00.000 --> 00:61.000\nx\n", VttError::BadTimes { line: 3 }),
        ("WEBVTT\n\nid\n00:02.000 --> 00:02.000\nx\n", VttError::EmptyTime { line: 4 }),
        ("WEBVTT\n\njust text\n", VttError::NoTimes { line: 3 }),
        ("WEBVTT\n\n00:00.000 --> 00:01.000\na --> b\n", VttError::BadTimes { line: 4 }),
        ("WEBVTT\n\n99999999999999999999:00:00.000 --> 1:00.000\nx", VttError::BadTimes { line: 3 }),
    ] {
        assert_eq!(WebVtt::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_cue_across_a_border_is_in_both_segments() {
    let vtt = WebVtt::parse(FILE).unwrap();
    let first = vtt.segment(seconds(0.0..2.0), 0);
    assert!(first.starts_with("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"));
    assert!(first.contains("00:00:01.500 --> 00:00:02.000 align:start\n<v Ada>one &amp; two\nsecond line\n"));
    let second = vtt.segment(seconds(2.0..4.0), 180_000);
    assert!(second.contains("00:00:00.000 --> 00:00:02.000 align:start\n"));
    assert_eq!(
        vtt.segment(seconds(4.0..6.0), 360_000),
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:360000,LOCAL:00:00:00.000\n"
    );
}

#[test]
fn every_segment_is_itself_a_file_that_parses() {
    let vtt = WebVtt::parse(FILE).unwrap();
    for start in 0..4 {
        let start = f64::from(start);
        assert!(WebVtt::parse(&vtt.segment(seconds(start..start + 1.0), 7)).is_ok());
    }
}

#[test]
fn less_than_a_millisecond_of_a_cue_is_left_out() {
    let vtt = WebVtt::parse("WEBVTT\n\n00:00.500 --> 00:02.000\nx\n").unwrap();
    for (range, cues) in [(0.0..0.5004, 0), (0.0..0.501, 1), (1.9996..4.0, 0), (1.999..4.0, 1)] {
        let segment = WebVtt::parse(&vtt.segment(seconds(range.clone()), 0)).unwrap();
        assert_eq!(segment.cues().len(), cues, "{range:?}");
    }
}

#[test]
fn text_from_outside_is_escaped_and_has_no_empty_line() {
    assert_eq!(escape("a <b> & --> c\n\n  \nd"), "a &lt;b&gt; &amp; --&gt; c\nd");
    assert_eq!(escape("a\r\rNOTE b\r\nc"), "a\nNOTE b\nc");
}
