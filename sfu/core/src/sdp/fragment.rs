//! SDP fragments (RFC 8840 §9) of WHIP and WHEP: the client's are read, the reply to an ICE restart is written.
//!
//! It decides what in a fragment concerns us: the credentials, and the candidates that we could check.

use std::net::SocketAddr;

use super::ParseError;
use super::parse::{MAX_CANDIDATES, host_candidate};
use crate::ice::Credentials;

/// What a client's fragment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Of the ICE session that it is about; `None`: the current one.
    pub credentials: Option<Credentials>,
    /// The first few of its host candidates over UDP; only a lite client's are of use, the others check us.
    pub candidates: Vec<SocketAddr>,
}

impl Fragment {
    /// Reads a fragment.
    ///
    /// # Errors
    /// [`ParseError::TooLarge`] above 1,000 lines; [`ParseError::Line`] for a line that is not
    /// `<letter>=<value>`, for credentials out of bounds, and, with the number after the last line, for one
    /// half of the credentials without the other.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (mut ufrag, mut pwd, mut count) = (None, None, 0);
        let mut candidates = Vec::new();
        for (place, line) in text.lines().enumerate() {
            count = place + 1;
            if count > MAX_LINES {
                return Err(ParseError::TooLarge);
            }
            if line.is_empty() {
                continue;
            }
            let (kind, value) = line.split_once('=').ok_or(ParseError::Line(count))?;
            if !matches!(kind, "a" | "m" | "c" | "v" | "o" | "s" | "t") {
                return Err(ParseError::Line(count));
            }
            let (target, value, shortest) = match value.split_once(':') {
                Some(("ice-ufrag", value)) if kind == "a" => (&mut ufrag, value, MIN_UFRAG),
                Some(("ice-pwd", value)) if kind == "a" => (&mut pwd, value, MIN_PWD),
                Some(("candidate", value)) if kind == "a" && candidates.len() < MAX_CANDIDATES => {
                    candidates.extend(host_candidate(value));
                    continue;
                }
                Some(_) | None => continue,
            };
            if !(shortest..=MAX_CREDENTIAL).contains(&value.len()) || !value.bytes().all(is_ice_char) {
                return Err(ParseError::Line(count));
            }
            // The first stands for the group: all sections share one transport.
            target.get_or_insert_with(|| value.to_owned());
        }
        let credentials = match (ufrag, pwd) {
            (Some(ufrag), Some(pwd)) => Some(Credentials { ufrag, pwd }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(ParseError::Line(count + 1)),
        };
        Ok(Self { credentials, candidates })
    }

    /// The offer that a client would send for an ICE restart: the last one with these credentials.
    #[must_use]
    pub fn restarted_offer(offer: &str, credentials: &Credentials) -> String {
        let mut text = String::with_capacity(offer.len() + 64);
        for line in offer.lines() {
            match line.split_once(':') {
                Some((name @ "a=ice-ufrag", _)) => text.extend([name, ":", &credentials.ufrag]),
                Some((name @ "a=ice-pwd", _)) => text.extend([name, ":", &credentials.pwd]),
                Some(_) | None => text.push_str(line),
            }
            text.push_str("\r\n");
        }
        text
    }

    /// What our answer says of ICE, as a fragment: whether we are lite, and the section that carries our candidates.
    #[must_use]
    pub fn of_answer(answer: &str) -> String {
        let is_lite = answer.contains("\r\na=ice-lite\r\n");
        let mut text = String::from(if is_lite { "a=ice-lite\r\n" } else { "" });
        let tag = answer.split("\r\nm=").skip(1).find(|section| section.contains("\r\na=candidate:"));
        for (place, line) in tag.into_iter().flat_map(str::lines).enumerate() {
            let wanted = ["a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
            if place == 0 {
                text.extend(["m=", line, "\r\n"]);
            } else if wanted.iter().any(|start| line.starts_with(start)) {
                text.extend([line, "\r\n"]);
            }
        }
        text
    }
}

/// RFC 8839 §5.4.
fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// RFC 8839 §5.4.
const MIN_UFRAG: usize = 4;
const MIN_PWD: usize = 22;
const MAX_CREDENTIAL: usize = 256;

/// A client with ten interfaces has some 60 candidates.
const MAX_LINES: usize = 1000;
