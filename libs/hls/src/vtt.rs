//! WebVTT (W3C, 2019): captions in, caption segments out.
//!
//! Checks and keeps cues; drops NOTE, STYLE and REGION blocks, because a style sheet from outside has no
//! business in our players. Does not judge languages or reading speed.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

/// Why a text is not WebVTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VttError {
    /// The first line is not `WEBVTT` (§4.1).
    #[error("the first line is not WEBVTT")]
    NoSignature,
    /// A cue's times are not `[hh:]mm:ss.mmm --> [hh:]mm:ss.mmm`.
    #[error("line {line}: times are not [hh:]mm:ss.mmm --> [hh:]mm:ss.mmm")]
    BadTimes {
        /// From 1.
        line: usize,
    },
    /// A cue ends before it starts, or has no length.
    #[error("line {line}: the cue does not end after its start")]
    EmptyTime {
        /// From 1.
        line: usize,
    },
    /// A block has neither times nor a known name.
    #[error("line {line}: a block without times")]
    NoTimes {
        /// From 1.
        line: usize,
    },
    /// There are more cues than anybody reads.
    #[error("more than {MAX_CUES} cues")]
    TooManyCues,
}

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Half-open, from the start of the media.
    pub time: Range<Duration>,
    /// Position, alignment and so on (§4.4), as written.
    pub settings: String,
    /// Cue text with its markup, lines separated by `\n`; holds no empty line and no `-->`.
    pub text: String,
}

/// A checked WebVTT file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebVtt {
    cues: Vec<Cue>,
}

impl WebVtt {
    /// Reads a WebVTT file; the caller bounds its size.
    ///
    /// # Errors
    /// At the first line that a player would stumble over.
    pub fn parse(text: &str) -> Result<Self, VttError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line)).peekable();
        let signature = lines.next().and_then(|(_, line)| line.strip_prefix("WEBVTT"));
        if !signature.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return Err(VttError::NoSignature);
        }
        // The header goes to the first empty line.
        while lines.next_if(|(_, line)| !line.is_empty()).is_some() {}
        let mut cues = Vec::new();
        loop {
            while lines.next_if(|(_, line)| line.is_empty()).is_some() {}
            let mut block = Vec::new();
            while let Some(line) = lines.next_if(|(_, line)| !line.is_empty()) {
                block.push(line);
            }
            if block.is_empty() {
                break;
            }
            cues.extend(read_block(&block)?);
            if cues.len() > MAX_CUES {
                return Err(VttError::TooManyCues);
            }
        }
        cues.sort_by_key(|cue| cue.time.start);
        Ok(Self { cues })
    }

    /// From cues made by ourselves; they are sorted by start.
    #[must_use]
    pub fn from_cues(mut cues: Vec<Cue>) -> Self {
        cues.sort_by_key(|cue| cue.time.start);
        Self { cues }
    }

    /// By start time.
    #[must_use]
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// The whole file again, without what was dropped.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::from("WEBVTT\n");
        for cue in &self.cues {
            write_cue(&mut text, &cue.time, cue);
        }
        text
    }

    /// One caption segment: the cues inside `range`, clipped to it, timed from its start.
    ///
    /// `mpegts` is the media time of the same moment in the picture, in 90 kHz (bis §3.1.4): players put
    /// the cues there whatever the playlist's position, before and after a discontinuity. A cue that
    /// crosses a border comes again in the next segment, and less than a millisecond of one is left out: WebVTT
    /// cannot say it. Without cues it is the header alone.
    #[must_use]
    pub fn segment(&self, range: Range<Duration>, mpegts: u64) -> String {
        let mut text = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{mpegts},LOCAL:00:00:00.000\n");
        let inside = self.cues.iter().take_while(|cue| cue.time.start < range.end);
        for cue in inside.filter(|cue| cue.time.end > range.start) {
            let start = cue.time.start.max(range.start) - range.start;
            let end = cue.time.end.min(range.end) - range.start;
            if start.as_millis() < end.as_millis() {
                write_cue(&mut text, &(start..end), cue);
            }
        }
        text
    }
}

/// A text for a cue, with what WebVTT would read as markup escaped (§4.2.2) and empty lines removed.
#[must_use]
pub fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // A lone CR ends a line, too (§4.1).
    escaped
        .split(['\n', '\r'])
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn read_block(block: &[(usize, &str)]) -> Result<Option<Cue>, VttError> {
    let Some(&(first_line, first)) = block.first() else { return Ok(None) };
    let times = block.iter().take(2).position(|(_, line)| line.contains("-->"));
    let Some(times) = times else {
        let name = first.split([' ', '\t', ':']).next().unwrap_or("");
        return match name {
            "NOTE" | "STYLE" | "REGION" => Ok(None),
            _ => Err(VttError::NoTimes { line: first_line }),
        };
    };
    let (line, text) = block[times];
    let (start, rest) = text.split_once("-->").ok_or(VttError::BadTimes { line })?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let start = read_time(start.trim()).ok_or(VttError::BadTimes { line })?;
    let end = read_time(end).ok_or(VttError::BadTimes { line })?;
    if end <= start {
        return Err(VttError::EmptyTime { line });
    }
    let text: Vec<_> = block[times + 1..].iter().map(|(_, line)| *line).collect();
    if let Some((line, _)) = block[times + 1..].iter().find(|(_, line)| line.contains("-->")) {
        return Err(VttError::BadTimes { line: *line });
    }
    Ok(Some(Cue { time: start..end, settings: settings.trim().to_owned(), text: text.join("\n") }))
}

/// `[hh…:]mm:ss.mmm` (§3.3).
fn read_time(text: &str) -> Option<Duration> {
    let (rest, ms) = text.split_once('.')?;
    let mut fields = rest.rsplit(':');
    let (s, min, h) = (fields.next()?, fields.next()?, fields.next());
    if fields.next().is_some() || ms.len() != 3 || s.len() != 2 || min.len() != 2 {
        return None;
    }
    let h = match h {
        Some(h) if h.len() >= 2 => digits(h)?,
        Some(_) => return None,
        None => 0,
    };
    let (min, s, ms) = (digits(min)?, digits(s)?, digits(ms)?);
    let seconds = h.checked_mul(3_600)?.checked_add(min * 60 + s)?;
    (min < 60 && s < 60).then(|| Duration::from_secs(seconds) + Duration::from_millis(ms))
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|c| c.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn write_cue(text: &mut String, time: &Range<Duration>, cue: &Cue) {
    let gap = if cue.settings.is_empty() { "" } else { " " };
    let (start, end) = (time_text(time.start), time_text(time.end));
    writeln!(text, "\n{start} --> {end}{gap}{}\n{}", cue.settings, cue.text)
        .expect("writing to a String does not fail");
}

fn time_text(time: Duration) -> String {
    let s = time.as_secs();
    format!("{:02}:{:02}:{:02}.{:03}", s / 3_600, s / 60 % 60, s % 60, time.subsec_millis())
}

/// A cue every half second for 14 hours; above it, a file is not meant to be read.
const MAX_CUES: usize = 100_000;

#[cfg(test)]
mod tests;
