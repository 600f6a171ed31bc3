//! Stands before the DTLS library: what is not worth its memory, or could only be forged, stops here.
//!
//! It reassembles plaintext handshake messages by fragment offset and hands them on whole and in order, so
//! that the library never holds fragments (it would keep up to 2 MB of them, and never joins fragments
//! whose offsets changed between retransmissions). It lets no ClientHello through that does not carry the
//! cookie that we sent to the checked path, so a forger who cannot read our answers cannot start a handshake
//! (RFC 6347 §4.2.1). It drops plaintext alerts and application data always, and every plaintext record once
//! connected: the Finished message that ends the peer's last flight is encrypted, so its repetition still
//! gets through (§4.2.4).

use super::Role;
use super::hello::{COOKIE_BYTES, ClientHello};

/// What came out of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admitted {
    /// As a server: a first ClientHello. Answer it with this datagram, and keep nothing.
    Greeted(Vec<u8>),
    /// As a server: a ClientHello with our cookie; for the library the same without it, then as it came.
    Hello {
        /// Record that the library would have seen first.
        without_cookie: Vec<u8>,
        /// Record of the ClientHello that counts.
        with_cookie: Vec<u8>,
    },
    /// A whole handshake message in one plaintext record, the next in order.
    Message(Vec<u8>),
    /// The peer repeats a message that the library has had: our answer was lost.
    Repeat,
    /// ChangeCipherSpec, or an encrypted record.
    Record(Vec<u8>),
}

/// Reassembles and bounds the handshake of one association.
pub(super) struct Guard {
    role: Role,
    /// One for the association, so that the answer to a forged hello does not lead the real client astray.
    cookie: [u8; COOKIE_BYTES],
    connected: bool,
    /// Sequence number of the next whole message for the library. A server's library starts with 2: the
    /// two hellos come together.
    next: u16,
    /// Messages `next..next + WINDOW` as far as they came.
    partial: Vec<Partial>,
    /// Bytes admitted or stored before the handshake ended.
    spent: usize,
    repeats: u8,
    /// Number of the next plaintext record for the library. Its own numbers are unauthenticated anyway.
    record: u64,
    /// Encrypted handshake records after the end: repetitions of Finished.
    late_finished: u8,
}

struct Partial {
    sequence: u16,
    kind: u8,
    body: Vec<u8>,
    have: Vec<bool>,
}

impl Guard {
    pub(super) fn new(role: Role, cookie: &[u8; COOKIE_BYTES]) -> Self {
        Self {
            role,
            cookie: *cookie,
            connected: false,
            next: 0,
            partial: Vec::new(),
            spent: 0,
            repeats: 0,
            record: 0,
            late_finished: 0,
        }
    }

    /// From now on plaintext is dropped.
    pub(super) fn set_connected(&mut self) {
        self.connected = true;
        self.partial = Vec::new();
    }

    /// Forgets the handshake for a new attempt. What was spent stays spent.
    pub(super) fn restart(&mut self) {
        (self.next, self.record) = (0, 0);
        self.partial.clear();
    }

    /// Takes a datagram apart; the second value counts records that were dropped.
    pub(super) fn admit(&mut self, datagram: &[u8]) -> (Vec<Admitted>, usize) {
        let (mut admitted, mut dropped) = (Vec::new(), 0);
        let mut rest = datagram;
        while !rest.is_empty() {
            let Some((record, tail)) = split_record(rest) else {
                dropped += 1;
                break;
            };
            rest = tail;
            let before = admitted.len();
            let held = match record.epoch {
                0 if self.connected => false,
                0 => self.admit_plaintext(&record, &mut admitted),
                1 => self.admit_encrypted(&record, &mut admitted),
                _ => false,
            };
            dropped += usize::from(!held && admitted.len() == before);
        }
        (admitted, dropped)
    }

    /// True if something of the record was kept or admitted.
    fn admit_plaintext(&mut self, record: &Record<'_>, admitted: &mut Vec<Admitted>) -> bool {
        if !self.spend(record.bytes.len()) {
            return false;
        }
        match record.kind {
            CHANGE_CIPHER_SPEC => {
                admitted.push(Admitted::Record(self.plaintext(CHANGE_CIPHER_SPEC, record.body)));
                true
            }
            HANDSHAKE => self.admit_fragments(record.body, admitted),
            // Alerts before the end prove nothing, and application data does not exist yet.
            _ => false,
        }
    }

    fn admit_encrypted(&mut self, record: &Record<'_>, admitted: &mut Vec<Admitted>) -> bool {
        let allowed = match (self.connected, record.kind) {
            (true, ALERT | APPLICATION_DATA) => true,
            (true, HANDSHAKE) => {
                self.late_finished = self.late_finished.saturating_add(1);
                self.late_finished <= MAX_LATE_FINISHED && record.body.len() <= MAX_FINISHED_BYTES
            }
            // Arrived before ChangeCipherSpec: the library keeps it until it can read it.
            (false, HANDSHAKE | APPLICATION_DATA | ALERT) => self.spend(record.bytes.len()),
            _ => false,
        };
        if allowed {
            admitted.push(Admitted::Record(record.bytes.to_vec()));
        }
        allowed
    }

    fn admit_fragments(&mut self, mut body: &[u8], admitted: &mut Vec<Admitted>) -> bool {
        let mut held = false;
        while let Some((fragment, tail)) = split_fragment(body) {
            body = tail;
            held |= self.admit_fragment(&fragment, admitted);
        }
        held
    }

    fn admit_fragment(&mut self, fragment: &Fragment<'_>, admitted: &mut Vec<Admitted>) -> bool {
        let ahead = fragment.sequence.wrapping_sub(self.next);
        let window = if self.awaits_hello() { 2 } else { WINDOW };
        if fragment.length > MAX_MESSAGE_BYTES || (ahead >= window && ahead.wrapping_neg() > WINDOW) {
            return false;
        }
        if ahead < window {
            self.store(fragment);
            if self.awaits_hello() {
                self.greet(fragment.sequence, admitted);
            } else {
                self.release(admitted);
            }
            return true;
        }
        if fragment.offset == 0 && self.may_repeat() {
            admitted.push(Admitted::Repeat);
            return true;
        }
        false
    }

    /// True while a server has no ClientHello with its cookie.
    fn awaits_hello(&self) -> bool {
        self.role == Role::Server && self.next == 0
    }

    fn may_repeat(&mut self) -> bool {
        self.repeats = self.repeats.saturating_add(1);
        self.repeats <= MAX_REPEATS
    }

    /// Answers a first ClientHello, or takes a second one that proves to come from who got the answer.
    fn greet(&mut self, sequence: u16, admitted: &mut Vec<Admitted>) {
        let Some(message) = self.take_whole(sequence) else { return };
        let Some(hello) = ClientHello::parse(&message[HANDSHAKE_HEADER_BYTES..]) else { return };
        if message[0] != CLIENT_HELLO {
            return;
        }
        let cookie = self.cookie;
        if sequence == 0 {
            if self.may_repeat() {
                admitted.push(Admitted::Greeted(hello_verify_request(&cookie)));
            }
        } else if hello.cookie == cookie {
            let without = hello.without_cookie();
            let mut first = handshake_header(CLIENT_HELLO, without.len(), 0).to_vec();
            first.extend_from_slice(&without);
            self.next = 2;
            self.partial.clear();
            admitted.push(Admitted::Hello {
                without_cookie: self.plaintext(HANDSHAKE, &first),
                with_cookie: self.plaintext(HANDSHAKE, &message),
            });
        }
    }

    fn store(&mut self, fragment: &Fragment<'_>) {
        let place = self.partial.iter().position(|partial| partial.sequence == fragment.sequence);
        let fits = place.is_some_and(|place| {
            let partial = &self.partial[place];
            partial.kind == fragment.kind && partial.body.len() == fragment.length
        });
        let place = place.unwrap_or_else(|| {
            self.partial.push(Partial::new(fragment));
            self.partial.len() - 1
        });
        if !fits {
            self.partial[place] = Partial::new(fragment);
        }
        let (from, to) = (fragment.offset, fragment.offset + fragment.body.len());
        let partial = &mut self.partial[place];
        partial.body[from..to].copy_from_slice(fragment.body);
        partial.have[from..to].fill(true);
    }

    /// Hands on whole messages in order.
    fn release(&mut self, admitted: &mut Vec<Admitted>) {
        while let Some(message) = self.take_whole(self.next) {
            self.next = self.next.wrapping_add(1);
            admitted.push(Admitted::Message(self.plaintext(HANDSHAKE, &message)));
        }
    }

    /// Takes the message out of the store if it is whole: header and body.
    fn take_whole(&mut self, sequence: u16) -> Option<Vec<u8>> {
        let place = self.partial.iter().position(|partial| partial.sequence == sequence)?;
        if !self.partial[place].have.iter().all(|&have| have) {
            return None;
        }
        let partial = self.partial.swap_remove(place);
        let mut message = handshake_header(partial.kind, partial.body.len(), sequence).to_vec();
        message.extend_from_slice(&partial.body);
        Some(message)
    }

    /// Wraps a body into a plaintext record with the next number.
    fn plaintext(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let number = self.record;
        self.record += 1;
        plaintext_record(kind, number, body)
    }

    fn spend(&mut self, bytes: usize) -> bool {
        self.spent += bytes;
        self.spent <= MAX_HANDSHAKE_BYTES
    }
}

impl Partial {
    fn new(fragment: &Fragment<'_>) -> Self {
        Self {
            sequence: fragment.sequence,
            kind: fragment.kind,
            body: vec![0; fragment.length],
            have: vec![false; fragment.length],
        }
    }
}

struct Record<'a> {
    kind: u8,
    epoch: u16,
    body: &'a [u8],
    /// Header and body.
    bytes: &'a [u8],
}

/// First record of a datagram (RFC 6347 §4.1), and what follows it.
fn split_record(datagram: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let header = datagram.get(..RECORD_HEADER_BYTES)?;
    // DTLS 1.0 stands in the first ClientHello's records, 1.2 in all others.
    if header[1] != 0xfe || !matches!(header[2], 0xff | 0xfd) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
    let (bytes, tail) = datagram.split_at_checked(RECORD_HEADER_BYTES + len)?;
    // The library takes an empty record for a malformed datagram.
    if len == 0 {
        return None;
    }
    let record = Record {
        kind: header[0],
        epoch: u16::from_be_bytes([header[3], header[4]]),
        body: &bytes[RECORD_HEADER_BYTES..],
        bytes,
    };
    Some((record, tail))
}

struct Fragment<'a> {
    kind: u8,
    /// Of the whole message.
    length: usize,
    sequence: u16,
    offset: usize,
    body: &'a [u8],
}

/// First handshake fragment of a record (RFC 6347 §4.2.2), and what follows it.
fn split_fragment(record: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let header = record.get(..HANDSHAKE_HEADER_BYTES)?;
    let number = |at: usize| {
        usize::from(header[at]) << 16 | usize::from(header[at + 1]) << 8 | usize::from(header[at + 2])
    };
    let (length, offset, fragment_length) = (number(1), number(6), number(9));
    if offset + fragment_length > length {
        return None;
    }
    let (bytes, tail) = record.split_at_checked(HANDSHAKE_HEADER_BYTES + fragment_length)?;
    let fragment = Fragment {
        kind: header[0],
        length,
        sequence: u16::from_be_bytes([header[4], header[5]]),
        offset,
        body: &bytes[HANDSHAKE_HEADER_BYTES..],
    };
    Some((fragment, tail))
}

/// Header of an unfragmented message.
fn handshake_header(kind: u8, length: usize, sequence: u16) -> [u8; HANDSHAKE_HEADER_BYTES] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let sequence = sequence.to_be_bytes();
    [
        kind,
        length[1],
        length[2],
        length[3],
        sequence[0],
        sequence[1],
        0,
        0,
        0,
        length[1],
        length[2],
        length[3],
    ]
}

/// A record of DTLS 1.2 and epoch 0.
fn plaintext_record(kind: u8, number: u64, body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD_HEADER_BYTES + body.len());
    record.extend_from_slice(&[kind, 0xfe, 0xfd, 0, 0]);
    record.extend_from_slice(&number.to_be_bytes()[2..]);
    let len = u16::try_from(body.len()).expect("messages and records are bounded");
    record.extend_from_slice(&len.to_be_bytes());
    record.extend_from_slice(body);
    record
}

/// Our answer to a first ClientHello (RFC 6347 §4.2.1).
///
/// Record and message have number 0, which the library gives to its own, unsent one.
fn hello_verify_request(cookie: &[u8; COOKIE_BYTES]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd, u8::try_from(COOKIE_BYTES).expect("twenty fits a byte")];
    body.extend_from_slice(cookie);
    let mut message = handshake_header(HELLO_VERIFY_REQUEST, body.len(), 0).to_vec();
    message.extend_from_slice(&body);
    plaintext_record(HANDSHAKE, 0, &message)
}

/// The body of the whole handshake message in a record that [`Guard`] made.
pub(super) fn handshake_body(record: &[u8]) -> Option<&[u8]> {
    record.get(RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES..)
}

/// True if the datagram starts with a plaintext alert.
pub(super) fn is_plaintext_alert(datagram: &[u8]) -> bool {
    split_record(datagram).is_some_and(|(record, _)| record.kind == ALERT && record.epoch == 0)
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const RECORD_HEADER_BYTES: usize = 13;
const HANDSHAKE_HEADER_BYTES: usize = 12;

/// Most bytes of one handshake from the peer. A browser's needs about 4 KiB, and repeats at most a few times.
const MAX_HANDSHAKE_BYTES: usize = 64 * 1024;
/// Longest message: a chain of two RSA certificates has 4 KiB.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;
/// How far ahead of the next message one is kept; the longest flight has five.
const WINDOW: u16 = 8;
/// Most repetitions that we answer: 30 s of a browser's timer, which doubles from 50 ms, are fewer.
const MAX_REPEATS: u8 = 32;
/// Repetitions of the encrypted Finished that the library may see, which keeps each.
const MAX_LATE_FINISHED: u8 = 32;
/// Finished is 12 + 12 bytes, nonce and tag 24.
const MAX_FINISHED_BYTES: usize = 128;
