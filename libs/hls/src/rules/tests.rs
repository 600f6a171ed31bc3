use super::*;

const GOOD: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
    #EXT-X-MAP:URI=\"i0\"\n#EXT-X-PROGRAM-DATE-TIME:2026-03-01T00:00:00.000Z\n#EXTINF:2.000000,\na\n\
    #EXT-X-PROGRAM-DATE-TIME:2026-03-01T00:00:02.000Z\n#EXTINF:2.000000,\nb\n";

#[test]
fn a_good_playlist_has_no_breach() {
    assert_eq!(check_media(GOOD), Vec::<String>::new());
    assert_eq!(check_reload(GOOD, GOOD), Vec::<String>::new());
}

#[test]
fn each_fault_is_found() {
    for (good, bad, found) in [
        ("#EXTM3U", "EXTM3U", "first line"),
        ("TARGETDURATION:2", "TARGETDURATION:1", "longer than the target"),
        ("00:00:02.000Z", "00:00:03.000Z", "1000000 µs off"),
        ("00:00:02.000Z", "00:00:01.000Z", "-1000000 µs off"),
        ("\nb\n", "\na\n", "named twice"),
        ("#EXTINF:2.000000,\nb", "#EXT-X-MAP:URI=\"i1\"\n#EXTINF:2.000000,\nb", "without discontinuity"),
        ("#EXTINF:2.000000,\nb", "#EXTINF:x,\nb", "not a length"),
        ("#EXT-X-MEDIA-SEQUENCE:7", "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-PLAYLIST-TYPE:VOD", "without end"),
    ] {
        let breaches = check_media(&GOOD.replace(good, bad));
        assert!(breaches.iter().any(|breach| breach.contains(found)), "{found}: {breaches:?}");
    }
}

#[test]
fn a_reload_that_rewrites_the_past_is_found() {
    for (good, bad, found) in [
        ("SEQUENCE:7", "SEQUENCE:6", "went back"),
        ("\nb\n", "\nc\n", "number 8 changed"),
        ("DURATION:2", "DURATION:3", "target duration changed"),
        ("#EXT-X-PROGRAM-DATE-TIME:2026-03-01T00:00:02.000Z\n#EXTINF:2.000000,\nb\n", "", "vanished"),
    ] {
        let breaches = check_reload(GOOD, &GOOD.replace(good, bad));
        assert!(breaches.iter().any(|breach| breach.contains(found)), "{found}: {breaches:?}");
    }
}

#[test]
fn a_variant_that_names_a_missing_group_is_found() {
    let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"x\",AUDIO=\"a\"\nv.m3u8\n";
    assert_eq!(check_multivariant(text), ["no rendition is in AUDIO group a"]);
    assert_eq!(check_multivariant("#EXTM3U\n"), ["there is no variant"]);
}
