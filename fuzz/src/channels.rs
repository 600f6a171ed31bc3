//! Data channels: SCTP packets and DCEP messages.

use std::time::Duration;

use sfu_core::sctp::dcep::Message;
use sfu_core::sctp::{
    Association, ChannelConfig, ChannelId, DataKind, Event, MAX_MESSAGE_BYTES, Reliability,
};

use crate::input::{Input, epoch};

/// A DCEP message that is read survives being written.
pub fn dcep(data: &[u8]) {
    if let Ok(message) = Message::parse(data) {
        let written = message.to_bytes();
        assert!(written.len() <= data.len());
        assert_eq!(Message::parse(&written), Ok(message));
    }
}

/// Two associations on a wire that changes, drops and invents packets, each with the right checksum.
///
/// Nobody opens more channels than allowed or delivers more than the largest message, and one packet does not
/// set off many.
pub fn sctp(data: &[u8]) {
    let mut input = Input::new(data);
    let mut wire = Wire::new();
    while !input.is_empty() {
        wire.step(&mut input);
    }
    for _ in 0..8 {
        wire.deliver(true, Some);
        wire.deliver(false, Some);
    }
    assert!(wire.opened <= 128, "{} channels were opened", wire.opened);
}

struct Wire {
    now: std::time::Instant,
    client: Association,
    server: Association,
    opened: usize,
    /// The common header of the client's last packet, with the server's tag.
    header: Vec<u8>,
}

impl Wire {
    fn new() -> Self {
        let now = epoch();
        let (mut client, mut server) = (Association::new(), Association::new());
        client.open(now, lossy());
        server.start(now, false);
        client.start(now, true);
        Self { now, client, server, opened: 0, header: vec![0; 12] }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        match choice % 8 {
            0 | 1 => self.deliver(choice & 1 == 0, Some),
            2 => {
                let (at, to) = (usize::from(input.number()), input.byte());
                self.deliver(true, |packet| Some(changed(&packet, at, to)));
            }
            3 => {
                let mut packet = self.header.clone();
                packet.extend_from_slice(input.piece());
                self.send_to_server(packet);
            }
            4 => self.client.open(self.now, lossy()),
            5 => {
                let (id, message) =
                    (ChannelId(u16::from(input.byte() & 3)), vec![7; usize::from(input.number())]);
                let _ = self.client.send(self.now, id, DataKind::Binary, &message);
            }
            6 => {
                self.now += Duration::from_millis(u64::from(input.number()));
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
            }
            _ => self.deliver(true, |_| None),
        }
        self.look();
    }

    /// Carries what waits in one direction, each packet as `act` leaves it.
    fn deliver(&mut self, up: bool, act: impl Fn(Vec<u8>) -> Option<Vec<u8>>) {
        let from = if up { &mut self.client } else { &mut self.server };
        let packets: Vec<_> = std::iter::from_fn(|| from.poll_transmit()).collect();
        for packet in packets.iter().filter_map(|packet| act(packet.to_vec())) {
            if up {
                self.header = packet.iter().copied().take(12).collect();
                self.send_to_server(packet);
            } else {
                self.client.handle_datagram(self.now, packet.into());
            }
        }
        self.look();
    }

    fn send_to_server(&mut self, mut packet: Vec<u8>) {
        seal(&mut packet);
        self.server.handle_datagram(self.now, packet.into());
    }

    fn look(&mut self) {
        for side in [&mut self.client, &mut self.server] {
            while let Some(event) = side.poll_event() {
                match event {
                    Event::Opened { .. } => self.opened += 1,
                    Event::Data { bytes, .. } => assert!(bytes.len() <= MAX_MESSAGE_BYTES),
                    Event::Closed(_) => {}
                }
            }
        }
    }
}

fn lossy() -> ChannelConfig {
    ChannelConfig { label: "_lossy".to_owned(), ordered: false, reliability: Reliability::MaxRetransmits(0) }
}

fn changed(packet: &[u8], at: usize, to: u8) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let at = at % packet.len().max(1);
    if let Some(byte) = packet.get_mut(at) {
        *byte = to;
    }
    packet
}

/// CRC-32C (RFC 9260 appendix A), so that changed packets pass the checksum.
fn seal(packet: &mut [u8]) {
    if packet.len() < 12 {
        return;
    }
    packet[8..12].fill(0);
    let step = |crc: u32, _| if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 };
    let crc = packet.iter().fold(!0_u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step));
    packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
}
