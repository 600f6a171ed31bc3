//! What playlists must obey, as a program: the oracle of tests that hold playlists in their hands.
//!
//! Checks the rules of RFC 8216bis that we rely on and reports every breach as a sentence. Reads playlists
//! on its own, line by line, so that it shares no mistake with the renderer.

use std::collections::BTreeMap;

use crate::time::parse_iso8601;

/// What a media playlist says, as far as rules need it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadPlaylist {
    /// `EXT-X-TARGETDURATION`.
    pub target_s: u64,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub first_number: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuities_before: u64,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub kind: Option<String>,
    /// `EXT-X-ENDLIST` is there.
    pub ended: bool,
    /// In order.
    pub segments: Vec<ReadSegment>,
}

/// One segment of a [`ReadPlaylist`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadSegment {
    /// As written.
    pub uri: String,
    /// Microseconds.
    pub duration_us: i64,
    /// UTC microseconds.
    pub started_at_us: Option<i64>,
    /// `EXT-X-DISCONTINUITY` stands in front.
    pub discontinuity: bool,
    /// The `EXT-X-MAP` that holds for it.
    pub init_uri: Option<String>,
}

/// Reads a media playlist.
///
/// # Errors
/// A sentence that says which line is wrong.
pub fn read(playlist: &str) -> Result<ReadPlaylist, String> {
    let mut read = ReadPlaylist::default();
    let mut next = ReadSegment::default();
    let mut lines = playlist.lines();
    if lines.next() != Some("#EXTM3U") {
        return Err("the first line is not #EXTM3U".into());
    }
    for line in lines.filter(|line| !line.is_empty()) {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("not a number: {line}"));
        match line.split_once(':').unwrap_or((line, "")) {
            ("#EXT-X-TARGETDURATION", value) => read.target_s = number(value)?,
            ("#EXT-X-MEDIA-SEQUENCE", value) => read.first_number = number(value)?,
            ("#EXT-X-DISCONTINUITY-SEQUENCE", value) => read.discontinuities_before = number(value)?,
            ("#EXT-X-PLAYLIST-TYPE", value) => read.kind = Some(value.to_owned()),
            ("#EXT-X-ENDLIST", _) => read.ended = true,
            ("#EXT-X-DISCONTINUITY", _) => next.discontinuity = true,
            ("#EXT-X-MAP", value) => {
                let uri = value.strip_prefix("URI=\"").and_then(|rest| rest.split('"').next());
                next.init_uri = Some(uri.ok_or_else(|| format!("no URI: {line}"))?.to_owned());
            }
            ("#EXT-X-PROGRAM-DATE-TIME", value) => {
                let at = parse_iso8601(value).ok_or_else(|| format!("not a date: {line}"))?;
                next.started_at_us = Some(at);
            }
            ("#EXTINF", value) => {
                let (s, fraction) = value.trim_end_matches(',').split_once('.').unwrap_or((value, "0"));
                let us = format!("{s}{fraction:0<6}").parse();
                next.duration_us = us.map_err(|_| format!("not a length: {line}"))?;
            }
            _ if line.starts_with('#') => {}
            _ => {
                let after = ReadSegment { init_uri: next.init_uri.clone(), ..ReadSegment::default() };
                read.segments.push(ReadSegment { uri: line.to_owned(), ..next });
                next = after;
            }
        }
    }
    Ok(read)
}

/// Breaches of one media playlist.
#[must_use]
pub fn check_media(playlist: &str) -> Vec<String> {
    let read = match read(playlist) {
        Ok(read) => read,
        Err(error) => return vec![error],
    };
    let mut breaches = Vec::new();
    for tag in ["#EXT-X-VERSION:", "#EXT-X-TARGETDURATION:", "#EXT-X-MEDIA-SEQUENCE:"] {
        let count = playlist.lines().filter(|line| line.starts_with(tag)).count();
        if count != 1 {
            breaches.push(format!("{tag} is there {count} times"));
        }
    }
    if read.segments.is_empty() {
        breaches.push("there is no segment".into());
    }
    for segment in &read.segments {
        let rounded_s = (segment.duration_us + 500_000) / 1_000_000;
        if u64::try_from(rounded_s).is_ok_and(|rounded_s| rounded_s > read.target_s) {
            breaches.push(format!("{}: longer than the target of {} s", segment.uri, read.target_s));
        }
        if segment.duration_us <= 0 {
            breaches.push(format!("{}: no length", segment.uri));
        }
        if segment.started_at_us.is_none() {
            breaches.push(format!("{}: no date", segment.uri));
        }
    }
    for pair in read.segments.windows(2) {
        check_neighbours(&pair[0], &pair[1], &mut breaches);
    }
    if read.kind.as_deref() == Some("VOD") && !read.ended {
        breaches.push("a VOD playlist without end".into());
    }
    if read.kind.is_some() && read.discontinuities_before > 0 {
        breaches.push("a playlist that keeps all segments has lost a discontinuity".into());
    }
    breaches
}

fn check_neighbours(before: &ReadSegment, after: &ReadSegment, breaches: &mut Vec<String>) {
    if before.init_uri != after.init_uri && !after.discontinuity {
        breaches.push(format!("{}: new init segment without discontinuity", after.uri));
    }
    if before.uri == after.uri {
        breaches.push(format!("{}: named twice", after.uri));
    }
    let (Some(from), Some(to)) = (before.started_at_us, after.started_at_us) else { return };
    let off_us = to - from - before.duration_us;
    // One AAC frame and a millisecond of rounding inside a run; across a break time may only go on.
    let wrong =
        if after.discontinuity { off_us < -DATE_TOLERANCE_US } else { off_us.abs() > DATE_TOLERANCE_US };
    if wrong {
        breaches.push(format!("{}: its date is {off_us} µs off the end of the segment before", after.uri));
    }
}

/// Breaches of media playlists of one recording, captions included: each alone, and among each other.
#[must_use]
pub fn check_renditions(playlists: &[String]) -> Vec<String> {
    let mut breaches: Vec<_> = playlists.iter().flat_map(|each| check_media(each)).collect();
    let read: Vec<_> = playlists.iter().filter_map(|each| read(each).ok()).collect();
    let Some(first) = read.first() else { return breaches };
    let breaks = |playlist: &ReadPlaylist| -> Vec<(u64, bool)> {
        (playlist.first_number..).zip(playlist.segments.iter().map(|segment| segment.discontinuity)).collect()
    };
    for other in &read[1..] {
        if (other.target_s, other.discontinuities_before) != (first.target_s, first.discontinuities_before) {
            breaches.push("renditions differ in target duration or discontinuity sequence".into());
        }
        if breaks(other) != breaks(first) {
            breaches.push("renditions differ in numbers or discontinuities".into());
        }
    }
    breaches
}

/// Breaches between two loads of one media playlist, the older first (bis §6.2.1).
#[must_use]
pub fn check_reload(before: &str, after: &str) -> Vec<String> {
    let (before, after) = match (read(before), read(after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => return vec![error],
    };
    let mut breaches = Vec::new();
    if after.target_s != before.target_s {
        breaches.push("the target duration changed".into());
    }
    if after.first_number < before.first_number {
        breaches.push("the media sequence went back".into());
    }
    if before.kind.is_some() && after.first_number != before.first_number {
        breaches.push("a playlist that keeps all segments lost one".into());
    }
    let mut known = numbered(&before);
    for (number, (segment, breaks)) in numbered(&after) {
        if let Some((old, old_breaks)) = known.remove(&number)
            && (old != segment || old_breaks != breaks)
        {
            breaches.push(format!("number {number} changed: {} at break {breaks}", segment.uri));
        }
    }
    let newest = after.first_number + after.segments.len() as u64;
    if known.keys().any(|number| *number >= newest) {
        breaches.push("the newest segment vanished".into());
    }
    breaches
}

/// Segments by number, each with its discontinuity sequence number; the tag itself may have left.
fn numbered(playlist: &ReadPlaylist) -> BTreeMap<u64, (ReadSegment, u64)> {
    let mut breaks = playlist.discontinuities_before;
    let segments = playlist.segments.iter().enumerate().map(|(index, segment)| {
        breaks += u64::from(segment.discontinuity);
        (ReadSegment { discontinuity: false, ..segment.clone() }, breaks, index)
    });
    segments
        .map(|(segment, breaks, index)| (playlist.first_number + index as u64, (segment, breaks)))
        .collect()
}

/// Breaches of a multivariant playlist: groups that are named exist, every variant has its attributes.
#[must_use]
pub fn check_multivariant(playlist: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut lines = playlist.lines().peekable();
    if lines.next() != Some("#EXTM3U") {
        breaches.push("the first line is not #EXTM3U".into());
    }
    let mut variants = 0;
    while let Some(line) = lines.next() {
        let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
        variants += 1;
        for name in ["BANDWIDTH=", "CODECS="] {
            if !attributes.contains(name) {
                breaches.push(format!("a variant without {name}"));
            }
        }
        if attributes.contains("CODECS=\"\"") || attributes.contains(",\"") {
            breaches.push(format!("an empty codec: {attributes}"));
        }
        for (attribute, kind) in [("AUDIO=\"", "AUDIO"), ("SUBTITLES=\"", "SUBTITLES")] {
            let group = attributes.split(attribute).nth(1).and_then(|rest| rest.split('"').next());
            let Some(group) = group else { continue };
            let wanted = format!("TYPE={kind},GROUP-ID=\"{group}\"");
            if !playlist.contains(&wanted) {
                breaches.push(format!("no rendition is in {kind} group {group}"));
            }
        }
        if lines.peek().is_none_or(|uri| uri.starts_with('#')) {
            breaches.push("a variant without a URI".into());
        }
    }
    if variants == 0 {
        breaches.push("there is no variant".into());
    }
    breaches
}

/// An AAC frame of 1,024 samples at 48 kHz is 21,334 µs; dates are written in milliseconds.
const DATE_TOLERANCE_US: i64 = 22_500;

#[cfg(test)]
mod tests;
