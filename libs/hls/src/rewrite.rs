//! Playback tokens in playlists.
//!
//! A relative URI drops its parent's query (RFC 3986 §5.2.2), so the token goes into every URI that a
//! playlist names. Decides only where URIs stand; who may have a token is not its business.

/// The playlist with `?token=` on every URI: segments, media playlists, `EXT-X-MAP`, `EXT-X-MEDIA`.
///
/// A URI that has a query gets the token appended to it. Characters outside the unreserved set of
/// RFC 3986 §2.3 in the token are percent-encoded.
#[must_use]
pub fn with_token(playlist: &str, token: &str) -> String {
    let query = format!("token={}", percent_encoded(token));
    map_uris(playlist, |uri| {
        let (before_fragment, fragment) = match uri.split_once('#') {
            Some((before, fragment)) => (before, format!("#{fragment}")),
            None => (uri, String::new()),
        };
        let mark = if before_fragment.contains('?') { '&' } else { '?' };
        format!("{before_fragment}{mark}{query}{fragment}")
    })
}

/// The playlist with each URI replaced by what `rewrite` makes of it.
#[must_use]
pub fn map_uris(playlist: &str, mut rewrite: impl FnMut(&str) -> String) -> String {
    let mut text = String::with_capacity(playlist.len() * 2);
    for line in playlist.lines() {
        match uri_in(line) {
            Some((start, end)) => {
                text.push_str(&line[..start]);
                text.push_str(&rewrite(&line[start..end]));
                text.push_str(&line[end..]);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// All URIs that a playlist names, in order.
#[must_use]
pub fn uris(playlist: &str) -> Vec<&str> {
    playlist.lines().filter_map(|line| uri_in(line).map(|(start, end)| &line[start..end])).collect()
}

/// Half-open byte range of the URI in a line: the line itself, or a tag's `URI="…"` attribute.
fn uri_in(line: &str) -> Option<(usize, usize)> {
    // `str::lines` takes one CR away, a writer may have put two.
    let line = line.trim_end_matches('\r');
    if line.is_empty() {
        return None;
    }
    if !line.starts_with('#') {
        return Some((0, line.len()));
    }
    let mut rest = line.split_once(':')?.1;
    // Attributes are searched one by one, since a quoted value may hold the text `URI=` (bis §4.2).
    loop {
        let (name, value) = rest.split_once('=')?;
        if let Some(quoted) = value.strip_prefix('"') {
            let length = quoted.find('"')?;
            let start = line.len() - quoted.len();
            if name == "URI" {
                return Some((start, start + length));
            }
            rest = quoted[length + 1..].strip_prefix(',')?;
        } else {
            rest = value.split_once(',')?.1;
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYLIST: &str = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x,URI=\",DEFAULT=YES,URI=\"audio.m3u8\"\n\
        #EXT-X-MAP:URI=\"v720/init-0.mp4\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.42c01f,mp4a.40.2\"\n\
        v720.m3u8?x=1#end\n\
        #EXTINF:2.000000,\nv720/0.m4s\n";

    #[test]
    fn every_uri_gets_the_token() {
        let playlist = PLAYLIST;
        assert_eq!(uris(playlist), ["audio.m3u8", "v720/init-0.mp4", "v720.m3u8?x=1#end", "v720/0.m4s"]);
        let signed = with_token(playlist, "a.b-c/d");
        assert_eq!(
            uris(&signed),
            [
                "audio.m3u8?token=a.b-c%2Fd",
                "v720/init-0.mp4?token=a.b-c%2Fd",
                "v720.m3u8?x=1&token=a.b-c%2Fd#end",
                "v720/0.m4s?token=a.b-c%2Fd",
            ]
        );
        assert!(signed.contains("#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.42c01f,mp4a.40.2\"\n"));
    }

    #[test]
    fn carriage_returns_belong_to_no_uri() {
        let text = "#EXTM3U\r\n#EXTINF:2,\r\r\nv720/0.m4s#x\r\r\n\r\r\n";
        assert_eq!(uris(text), ["v720/0.m4s#x"]);
        assert_eq!(uris(&with_token(text, "t")), ["v720/0.m4s?token=t#x"]);
    }

    #[test]
    fn a_playlist_without_uris_stays_as_it_is() {
        let text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-ENDLIST\n";
        assert_eq!(with_token(text, "t"), text);
    }
}
