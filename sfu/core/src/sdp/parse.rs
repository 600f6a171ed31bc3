//! Reads SDP text within fixed bounds, in linear time; it never panics.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::section::SectionReader;
use super::{Direction, MediaSection, SessionDescription, TransportLines};
use crate::dtls::{Fingerprint, Setup};
use crate::rtp::Mid;

/// Why text is not a description that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More bytes, lines or m-lines than [`SdpLimits`] allow.
    #[error("the description is too large")]
    TooLarge,
    /// A line that is not `<letter>=<value>`, holds NUL or CR, or is an m-line without its fields.
    #[error("line {0} is malformed")]
    Line(usize),
    /// An m-section without `a=mid`, or with one that another has; counted from 0.
    #[error("m-section {0} has no mid of its own")]
    Mid(usize),
}

/// Bounds of one description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SdpLimits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Lines, empty ones too.
    pub lines: usize,
    /// m-lines.
    pub sections: usize,
}

impl Default for SdpLimits {
    /// An offer of 50 publishers and 50 tracks has 296 KB and 9,718 lines as measured; Janus was killed by one
    /// of 260,000 lines.
    fn default() -> Self {
        Self { bytes: 2 << 20, lines: 50_000, sections: 1000 }
    }
}

impl SessionDescription {
    /// As [`Self::parse_within`] the default limits.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_within(text, &SdpLimits::default())
    }

    /// Reads an offer or an answer. Unknown lines and attributes are skipped; malformed optional attributes
    /// count as absent.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse_within(text: &str, limits: &SdpLimits) -> Result<Self, ParseError> {
        if text.len() > limits.bytes {
            return Err(ParseError::TooLarge);
        }
        let mut reader = Reader { max_sections: limits.sections, ..Reader::default() };
        for (place, line) in text.split('\n').enumerate() {
            if place >= limits.lines {
                return Err(ParseError::TooLarge);
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            // Trailing empty lines are common and harmless.
            if !line.is_empty() {
                reader.line(line, place + 1)?;
            }
        }
        reader.finish()
    }
}

/// State of one parse.
#[derive(Default)]
struct Reader {
    description: SessionDescription,
    direction: Direction,
    started: bool,
    section: Option<SectionReader>,
    mids: BTreeSet<Mid>,
    max_sections: usize,
}

impl Reader {
    fn line(&mut self, line: &str, number: usize) -> Result<(), ParseError> {
        let (kind, value) = line.split_once('=').ok_or(ParseError::Line(number))?;
        // RFC 8866 §9 `byte-string`. What one publisher writes goes on to others, whose parsers may take a lone
        // CR for the end of a line.
        if value.contains(['\0', '\r']) {
            return Err(ParseError::Line(number));
        }
        match kind {
            // Whatever else this text is, it is no description without `v=0` in front (RFC 8866 §5.1).
            "v" if !self.started && value == "0" => self.started = true,
            _ if !self.started => return Err(ParseError::Line(number)),
            "m" => {
                self.end_section()?;
                if self.description.media.len() >= self.max_sections {
                    return Err(ParseError::TooLarge);
                }
                let section = SectionReader::new(value, self.direction).ok_or(ParseError::Line(number))?;
                self.section = Some(section);
            }
            "a" => self.attribute(value),
            _ if kind.len() == 1 => {}
            _ => return Err(ParseError::Line(number)),
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        let transport = match &mut self.section {
            Some(section) => section.transport(),
            None => &mut self.description.transport,
        };
        if read_transport(transport, name, value) {
            return;
        }
        // Firefox writes it in every section, Chromium once.
        self.description.extmap_allow_mixed |= name == "extmap-allow-mixed";
        match &mut self.section {
            Some(section) => section.attribute(name, value),
            None => self.session_attribute(name, value),
        }
    }

    fn session_attribute(&mut self, name: &str, value: &str) {
        if name == "group" && self.description.bundle.is_empty() {
            let mids = value.strip_prefix("BUNDLE ").unwrap_or_default().split(' ');
            let mids = mids.filter_map(|mid| Mid::new(mid.as_bytes()));
            self.description.bundle = mids.take(self.max_sections).collect();
        } else if name == "ice-lite" {
            self.description.lite = true;
        } else {
            self.direction = read_direction(name).unwrap_or(self.direction);
        }
    }

    fn end_section(&mut self) -> Result<(), ParseError> {
        let Some(section) = self.section.take() else { return Ok(()) };
        let place = self.description.media.len();
        let section: MediaSection = section.finish().ok_or(ParseError::Mid(place))?;
        if !self.mids.insert(section.mid) {
            return Err(ParseError::Mid(place));
        }
        self.description.media.push(section);
        Ok(())
    }

    fn finish(mut self) -> Result<SessionDescription, ParseError> {
        self.end_section()?;
        if self.started { Ok(self.description) } else { Err(ParseError::Line(1)) }
    }
}

/// True if the attribute was one of the transport's.
fn read_transport(lines: &mut TransportLines, name: &str, value: &str) -> bool {
    // RFC 8839 §5.4: at most 256 characters each.
    let short = || (!value.is_empty() && value.len() <= 256).then(|| value.to_owned());
    match name {
        "ice-ufrag" => lines.ufrag = short(),
        "ice-pwd" => lines.pwd = short(),
        // Several lines name several hash functions; one that we know is enough.
        "fingerprint" => lines.fingerprint = lines.fingerprint.or_else(|| Fingerprint::parse(value)),
        "setup" => lines.setup = Setup::parse(value),
        "candidate" => {
            if lines.candidates.len() < MAX_CANDIDATES {
                lines.candidates.extend(host_candidate(value));
            }
        }
        _ => return false,
    }
    true
}

/// The address of a host candidate over UDP for the first component, of the value of `a=candidate` (RFC 8839 §5.1).
///
/// `None` for every other candidate, such as one with a name instead of an address.
#[must_use]
pub fn host_candidate(value: &str) -> Option<SocketAddr> {
    let mut fields = value.split(' ');
    let (component, protocol) = (fields.nth(1)?, fields.next()?);
    let (ip, port, typ, kind) = (fields.nth(1)?, fields.next()?, fields.next()?, fields.next()?);
    let is_host = component == "1" && protocol.eq_ignore_ascii_case("udp") && typ == "typ" && kind == "host";
    if is_host { Some((ip.parse::<IpAddr>().ok()?, port.parse().ok()?).into()) } else { None }
}

pub(super) fn read_direction(name: &str) -> Option<Direction> {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    all.into_iter().find(|direction| direction.as_str() == name)
}

/// Of one section; those of a lite peer are checked.
pub(super) const MAX_CANDIDATES: usize = 8;
