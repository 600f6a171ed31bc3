use super::frame::{ATTRIBUTE_HEADER_BYTES, FINGERPRINT, FINGERPRINT_BYTES, MAGIC_COOKIE};
use super::*;

const TRANSACTION: TransactionId =
    TransactionId([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

/// RFC 5769 §2.1: a sample request; the password is below. RFC 8489 kept the format.
fn sample_request() -> Vec<u8> {
    let mut bytes = vec![0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend_from_slice(&TRANSACTION.0);
    bytes.extend_from_slice(&[0x80, 0x22, 0x00, 0x10]);
    bytes.extend_from_slice(b"STUN test client");
    bytes.extend_from_slice(&[0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff]);
    bytes.extend_from_slice(&[0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36]);
    bytes.extend_from_slice(&[0x00, 0x06, 0x00, 0x09]);
    bytes.extend_from_slice(b"evtj:h6vY\x20\x20\x20");
    bytes.extend_from_slice(&[0x00, 0x08, 0x00, 0x14]);
    bytes.extend_from_slice(&[
        0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1,
        0xb5, 0x71, 0xa2,
    ]);
    bytes.extend_from_slice(&[0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf]);
    bytes
}
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

#[test]
fn reads_the_sample_request_of_rfc_5769() {
    let bytes = sample_request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.transaction(), TRANSACTION);
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.role(), Some(Role::Controlled(0x932f_f9b1_5126_3b36)));
    assert!(!message.use_candidate());
    assert!(message.is_authentic(PASSWORD));
    assert!(!message.is_authentic("VOkJxbRl1RmTxUk/WvJxBT"));
}

/// RFC 5769 §2.2 and §2.3: the responses say which address they saw.
#[test]
fn writes_the_mapped_addresses_of_rfc_5769() {
    for (address, wanted) in [
        ("192.0.2.1:32853", &[0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43][..]),
        (
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
            &[
                0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
                0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
            ],
        ),
    ] {
        let address = address.parse().unwrap();
        let bytes = MessageWriter::new(Class::Success, TRANSACTION).mapped_address(address).sign(PASSWORD);
        assert_eq!(&bytes[HEADER_BYTES + ATTRIBUTE_HEADER_BYTES..][..wanted.len()], wanted);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.mapped_address(), Some(address));
        assert!(message.is_authentic(PASSWORD));
    }
}

fn request() -> Vec<u8> {
    MessageWriter::new(Class::Request, TRANSACTION)
        .username("ours:theirs")
        .priority(1)
        .role(Role::Controlling(7))
        .use_candidate()
        .sign(PASSWORD)
}

#[test]
fn reads_back_what_it_wrote() {
    let bytes = request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.username(), Some("ours:theirs"));
    assert_eq!(message.role(), Some(Role::Controlling(7)));
    assert!(message.use_candidate() && message.is_authentic(PASSWORD));
    let refusal = MessageWriter::new(Class::Error, TRANSACTION).error_code(487).sign(PASSWORD);
    assert_eq!(Message::parse(&refusal).unwrap().error_code(), Some(487));
}

#[test]
fn every_cut_and_every_changed_byte_is_refused_or_unauthentic() {
    let bytes = request();
    for len in 0..bytes.len() {
        assert!(Message::parse(&bytes[..len]).is_err(), "length {len}");
    }
    // Behind the integrity only FINGERPRINT counts, and whoever drops it gains nothing.
    for at in 0..bytes.len() - FINGERPRINT_BYTES {
        for change in 1..=255 {
            let mut forged = bytes.clone();
            forged[at] ^= change;
            let believed = Message::parse(&forged).is_ok_and(|message| message.is_authentic(PASSWORD));
            assert!(!believed, "byte {at} ^ {change}");
        }
    }
}

#[test]
fn attributes_behind_the_integrity_are_ignored() {
    let signed = request();
    let mut bytes = signed[..signed.len() - FINGERPRINT_BYTES].to_vec();
    // A forger appends USE-CANDIDATE and another USERNAME to a message that it cannot sign.
    bytes.extend_from_slice(&[0x00, 0x06, 0x00, 0x04, b'e', b':', b'v', b'e', 0x00, 0x25, 0x00, 0x00]);
    let length = u16::try_from(bytes.len() - HEADER_BYTES).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.username(), Some("ours:theirs"));
    assert!(message.is_authentic(PASSWORD));
}

#[test]
fn lengths_that_lie_never_read_outside() {
    for kind in
        [USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS, FINGERPRINT, ICE_CONTROLLING, ERROR_CODE, 0x7777]
    {
        for claimed in 0..200_u16 {
            for present in (0..120).step_by(4) {
                let mut bytes = vec![0, 1, 0, 0];
                bytes.extend_from_slice(&MAGIC_COOKIE);
                bytes.extend_from_slice(&TRANSACTION.0);
                bytes.extend_from_slice(&kind.to_be_bytes());
                bytes.extend_from_slice(&claimed.to_be_bytes());
                bytes.resize(bytes.len() + present, 1);
                let length = u16::try_from(bytes.len() - HEADER_BYTES).unwrap();
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                if let Ok(message) = Message::parse(&bytes) {
                    assert!(!message.is_authentic(PASSWORD));
                }
            }
        }
    }
}

#[test]
fn a_response_is_not_longer_than_the_request_it_answers() {
    let request = MessageWriter::new(Class::Request, TRANSACTION)
        .username("aaaaaaaa:bbbb")
        .priority(1)
        .role(Role::Controlling(1))
        .sign(PASSWORD);
    let response = MessageWriter::new(Class::Success, TRANSACTION)
        .mapped_address("[2001:db8::1]:7882".parse().unwrap())
        .sign(PASSWORD);
    assert!(response.len() <= request.len(), "{} > {}", response.len(), request.len());
}

#[test]
fn an_error_code_outside_of_its_range_is_malformed() {
    let with = |class: u8, number: u8| {
        let mut bytes = MessageWriter::new(Class::Error, TRANSACTION).error_code(487).sign(PASSWORD);
        bytes[26..28].copy_from_slice(&[class, number]);
        // Without FINGERPRINT, which the change breaks.
        bytes.truncate(bytes.len() - 8);
        let length = u16::try_from(bytes.len() - 20).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        Message::parse(&bytes).map(|message| message.error_code())
    };
    assert_eq!(with(3, 0), Ok(Some(300)));
    assert_eq!(with(6, 99), Ok(Some(699)));
    for (class, number) in [(2, 0), (7, 0), (4, 100), (0, 5)] {
        assert_eq!(with(class, number), Err(ParseError::Attribute(0x0009)), "{class} {number}");
    }
}
