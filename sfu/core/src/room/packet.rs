//! Reads the envelope of a LiveKit `DataPacket` and writes its sender into it.
//!
//! It decides who sent a message and to whom it goes; it does not read the message: unknown fields and
//! values pass byte for byte, so that calls, streams and encrypted packets of newer clients work.

use std::time::Duration;

use super::calls::{Call, CallFailure};
use super::sid::ParticipantSid;

/// What the envelope says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Identities that shall get it; with `sids` empty too: everybody.
    pub identities: Vec<String>,
    /// Participant ids that shall get it (old clients).
    pub sids: Vec<String>,
    /// Counts a sender's reliable messages from 1; 0 when it does not count.
    pub sequence: u32,
    /// Metrics go only to those who may have them.
    pub metrics: bool,
    /// Its sender's word about a call.
    pub reply: Option<CallReply>,
    /// The fields that stay as they came.
    kept: Vec<u8>,
}

/// What a participant says about a call (LiveKit RPC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallReply {
    /// It got the call.
    Acknowledged {
        /// The call's name.
        call: String,
    },
    /// It answers.
    Answered {
        /// The call's name.
        call: String,
        /// What its method returned.
        result: Result<String, CallFailure>,
    },
}

/// Why a message is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// It ends within a field.
    #[error("a field is cut off")]
    Truncated,
    /// A wire type that proto3 does not have.
    #[error("unknown wire type")]
    WireType,
    /// A name is not UTF-8.
    #[error("a name is not UTF-8")]
    Text,
    /// Two user packets in one message: each would grow by its sender's names.
    #[error("there are two user packets")]
    Twice,
    /// Loudness is measured by the server alone.
    #[error("a participant may not say who speaks")]
    Speakers,
}

impl Envelope {
    /// Reads a message from this sender; what it claims about its sender is thrown away.
    ///
    /// # Errors
    /// The bytes are not a `DataPacket`, or one that participants may not send.
    pub fn read(bytes: &[u8], sid: &ParticipantSid, identity: &str) -> Result<Self, BadPacket> {
        let mut read = Self { kept: Vec::with_capacity(bytes.len() + 64), ..Self::default() };
        let mut fields = Fields { rest: bytes };
        let mut users = 0;
        while let Some(field) = fields.next_field()? {
            users += u32::from(field.number == envelope::USER);
            match (field.number, field.value) {
                (envelope::USER, _) if users > 1 => return Err(BadPacket::Twice),
                (envelope::KIND | envelope::IDENTITY | envelope::SID, _) => {}
                (envelope::USER, Value::Bytes(user)) => read.read_user(user, sid, identity)?,
                (envelope::SPEAKER, _) => return Err(BadPacket::Speakers),
                (envelope::DESTINATIONS, Value::Bytes(name)) => {
                    read.identities.push(text(name)?);
                    read.kept.extend_from_slice(field.raw);
                }
                (envelope::SEQUENCE, Value::Number(sequence)) => {
                    read.sequence = u32::try_from(sequence & 0xffff_ffff).unwrap_or(0);
                    read.kept.extend_from_slice(field.raw);
                }
                (number, value) => {
                    read.metrics |= number == envelope::METRICS;
                    if let Value::Bytes(body) = value {
                        read.reply = read_reply(number, body)?.or(read.reply);
                    }
                    read.kept.extend_from_slice(field.raw);
                }
            }
        }
        put_bytes(&mut read.kept, envelope::IDENTITY, identity.as_bytes());
        put_bytes(&mut read.kept, envelope::SID, sid.as_str().as_bytes());
        Ok(read)
    }

    /// The message to forward; `lossy` is the channel it came on, whatever its sender wrote.
    #[must_use]
    pub fn into_bytes(mut self, lossy: bool) -> Vec<u8> {
        if lossy {
            put_number(&mut self.kept, envelope::KIND, 1);
        }
        self.kept
    }

    fn read_user(&mut self, user: &[u8], sid: &ParticipantSid, identity: &str) -> Result<(), BadPacket> {
        let mut kept = Vec::with_capacity(user.len() + 48);
        let mut fields = Fields { rest: user };
        while let Some(field) = fields.next_field()? {
            match (field.number, field.value) {
                (user::SID | user::IDENTITY, _) => continue,
                (user::DESTINATION_SIDS, Value::Bytes(name)) => self.sids.push(text(name)?),
                (user::DESTINATIONS, Value::Bytes(name)) => self.identities.push(text(name)?),
                _ => {}
            }
            kept.extend_from_slice(field.raw);
        }
        put_bytes(&mut kept, user::SID, sid.as_str().as_bytes());
        put_bytes(&mut kept, user::IDENTITY, identity.as_bytes());
        put_bytes(&mut self.kept, envelope::USER, &kept);
        Ok(())
    }
}

/// A message from an administrator: a `DataPacket` with a `UserPacket`.
#[must_use]
pub fn server_message(payload: &[u8], topic: Option<&str>, nonce: &[u8], lossy: bool) -> Vec<u8> {
    let mut user = Vec::with_capacity(payload.len() + 64);
    put_bytes(&mut user, user::PAYLOAD, payload);
    if let Some(topic) = topic {
        put_bytes(&mut user, user::TOPIC, topic.as_bytes());
    }
    if !nonce.is_empty() {
        put_bytes(&mut user, user::NONCE, nonce);
    }
    let mut bytes = Vec::with_capacity(user.len() + 8);
    put_bytes(&mut bytes, envelope::USER, &user);
    if lossy {
        put_number(&mut bytes, envelope::KIND, 1);
    }
    bytes
}

/// A call to a participant: a `DataPacket` with an `RpcRequest`. Its sender has the call's own name, so that
/// the answer is addressed to nobody else.
#[must_use]
pub(super) fn call_message(name: &str, call: &Call, timeout: Duration) -> Vec<u8> {
    let mut request = Vec::with_capacity(call.payload.len() + 128);
    put_bytes(&mut request, rpc::REQUEST_ID, name.as_bytes());
    put_bytes(&mut request, rpc::REQUEST_METHOD, call.method.as_bytes());
    put_bytes(&mut request, rpc::REQUEST_PAYLOAD, call.payload.as_bytes());
    put_number(&mut request, rpc::REQUEST_TIMEOUT_MS, u64::try_from(timeout.as_millis()).unwrap_or(0));
    // Version 1: no compression.
    put_number(&mut request, rpc::REQUEST_VERSION, 1);
    let mut bytes = Vec::with_capacity(request.len() + 64);
    put_bytes(&mut bytes, envelope::IDENTITY, name.as_bytes());
    put_bytes(&mut bytes, envelope::RPC_REQUEST, &request);
    bytes
}

fn read_reply(number: u32, body: &[u8]) -> Result<Option<CallReply>, BadPacket> {
    let mut call = String::new();
    let mut result = None;
    if number != envelope::RPC_ACK && number != envelope::RPC_RESPONSE {
        return Ok(None);
    }
    let mut fields = Fields { rest: body };
    while let Some(field) = fields.next_field()? {
        match (field.number, field.value) {
            (rpc::REPLY_ID, Value::Bytes(name)) => call = text(name)?,
            (rpc::REPLY_PAYLOAD, Value::Bytes(payload)) => result = Some(Ok(text(payload)?)),
            (rpc::REPLY_ERROR, Value::Bytes(error)) => result = Some(Err(read_error(error)?)),
            _ => {}
        }
    }
    if number == envelope::RPC_ACK {
        return Ok(Some(CallReply::Acknowledged { call }));
    }
    Ok(Some(CallReply::Answered { call, result: result.unwrap_or_else(|| Ok(String::new())) }))
}

fn read_error(body: &[u8]) -> Result<CallFailure, BadPacket> {
    let (mut code, mut message, mut data) = (0, String::new(), String::new());
    let mut fields = Fields { rest: body };
    while let Some(field) = fields.next_field()? {
        match (field.number, field.value) {
            (rpc::ERROR_CODE, Value::Number(number)) => code = u32::try_from(number).unwrap_or(0),
            (rpc::ERROR_MESSAGE, Value::Bytes(bytes)) => message = text(bytes)?,
            (rpc::ERROR_DATA, Value::Bytes(bytes)) => data = text(bytes)?,
            _ => {}
        }
    }
    Ok(CallFailure::Refused { code, message, data })
}

/// Field numbers of `livekit.DataPacket`.
mod envelope {
    pub(super) const KIND: u32 = 1;
    pub(super) const USER: u32 = 2;
    pub(super) const SPEAKER: u32 = 3;
    pub(super) const IDENTITY: u32 = 4;
    pub(super) const DESTINATIONS: u32 = 5;
    pub(super) const METRICS: u32 = 8;
    pub(super) const RPC_REQUEST: u32 = 10;
    pub(super) const RPC_ACK: u32 = 11;
    pub(super) const RPC_RESPONSE: u32 = 12;
    pub(super) const SEQUENCE: u32 = 16;
    pub(super) const SID: u32 = 17;
}

/// Field numbers of `livekit.UserPacket`.
mod user {
    pub(super) const SID: u32 = 1;
    pub(super) const PAYLOAD: u32 = 2;
    pub(super) const DESTINATION_SIDS: u32 = 3;
    pub(super) const TOPIC: u32 = 4;
    pub(super) const IDENTITY: u32 = 5;
    pub(super) const DESTINATIONS: u32 = 6;
    pub(super) const NONCE: u32 = 11;
}

/// Field numbers of `livekit.RpcRequest`, `RpcAck` and `RpcResponse` (one id), and `RpcError`.
mod rpc {
    pub(super) const REQUEST_ID: u32 = 1;
    pub(super) const REQUEST_METHOD: u32 = 2;
    pub(super) const REQUEST_PAYLOAD: u32 = 3;
    pub(super) const REQUEST_TIMEOUT_MS: u32 = 4;
    pub(super) const REQUEST_VERSION: u32 = 5;
    pub(super) const REPLY_ID: u32 = 1;
    pub(super) const REPLY_PAYLOAD: u32 = 2;
    pub(super) const REPLY_ERROR: u32 = 3;
    pub(super) const ERROR_CODE: u32 = 1;
    pub(super) const ERROR_MESSAGE: u32 = 2;
    pub(super) const ERROR_DATA: u32 = 3;
}

struct Field<'a> {
    number: u32,
    value: Value<'a>,
    /// Tag and value as they came.
    raw: &'a [u8],
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next_field(&mut self) -> Result<Option<Field<'a>>, BadPacket> {
        let start = self.rest;
        if start.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| BadPacket::WireType)?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| BadPacket::Truncated)?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(BadPacket::WireType),
        };
        let raw = &start[..start.len() - self.rest.len()];
        Ok(Some(Field { number, value, raw }))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], BadPacket> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(BadPacket::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    fn varint(&mut self) -> Result<u64, BadPacket> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BadPacket::Truncated)
    }
}

fn text(bytes: &[u8]) -> Result<String, BadPacket> {
    String::from_utf8(bytes.to_vec()).map_err(|_| BadPacket::Text)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid() -> ParticipantSid {
        ParticipantSid::from_wire("PA_1")
    }

    #[test]
    fn a_forged_sender_is_replaced() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, envelope::IDENTITY, b"somebody else");
        put_bytes(&mut bytes, envelope::SID, b"PA_other");
        let out = Envelope::read(&bytes, &sid(), "alice").unwrap().into_bytes(false);
        let mut wanted = Vec::new();
        put_bytes(&mut wanted, envelope::IDENTITY, b"alice");
        put_bytes(&mut wanted, envelope::SID, b"PA_1");
        assert_eq!(out, wanted);
    }

    #[test]
    fn an_unknown_value_passes_byte_for_byte() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, 99, b"from the future");
        let out = Envelope::read(&bytes, &sid(), "alice").unwrap().into_bytes(true);
        assert!(out.starts_with(&bytes));
    }

    /// 32,000 empty user packets would become megabytes for everybody in the room.
    #[test]
    fn a_second_user_packet_is_refused() {
        let bytes = [0x12, 0, 0x12, 0];
        assert!(Envelope::read(&bytes[..2], &sid(), "alice").is_ok());
        assert_eq!(Envelope::read(&bytes, &sid(), "alice"), Err(BadPacket::Twice));
    }

    #[test]
    fn every_cut_of_a_message_is_refused_or_read_without_panic() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, envelope::USER, b"\x12\x05hello");
        put_varint(&mut bytes, u64::from(envelope::SEQUENCE) << 3);
        put_varint(&mut bytes, 300);
        for cut in 0..bytes.len() {
            let _ = Envelope::read(&bytes[..cut], &sid(), "alice");
        }
        let whole = Envelope::read(&bytes, &sid(), "alice").unwrap();
        assert_eq!(whole.sequence, 300);
    }

    #[test]
    fn a_participant_cannot_say_who_speaks() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, envelope::SPEAKER, b"");
        assert_eq!(Envelope::read(&bytes, &sid(), "alice"), Err(BadPacket::Speakers));
    }
}
