use std::time::Duration;

use super::peer::Pair;
use crate::transport::*;

pub(super) fn reliable() -> ChannelConfig {
    ChannelConfig { label: "_reliable".to_owned(), ordered: true, reliability: Reliability::Reliable }
}

fn lossy() -> ChannelConfig {
    ChannelConfig { label: "_lossy".to_owned(), ordered: false, reliability: Reliability::MaxRetransmits(0) }
}

fn opened(events: &[Event]) -> Vec<ChannelOpened> {
    let mut list = Vec::new();
    for event in events {
        if let Event::ChannelOpened(opened) = event {
            list.push(opened.clone());
        }
    }
    list
}

fn messages(events: &[Event]) -> Vec<(ChannelId, DataKind, Vec<u8>)> {
    let mut list = Vec::new();
    for event in events {
        if let Event::ChannelData { id, kind, bytes } = event {
            list.push((*id, *kind, bytes.to_vec()));
        }
    }
    list
}

/// Both sides open channels; ids follow the DTLS role.
fn with_channels(setup: Setup) -> Pair {
    let mut pair = Pair::with_setup(setup);
    pair.client.open_channel(pair.now, reliable());
    pair.client.open_channel(pair.now, lossy());
    pair.server.open_channel(pair.now, reliable());
    pair.connect();
    pair
}

#[test]
fn channels_open_both_ways_with_ids_by_dtls_role() {
    for (setup, client_ids, server_id) in [(Setup::Active, [0, 2], 1), (Setup::Passive, [1, 3], 0)] {
        let pair = with_channels(setup);
        let at_server = opened(&pair.server_events);
        let by_peer: Vec<_> = at_server.iter().filter(|opened| opened.by_peer).collect();
        assert_eq!(by_peer.iter().map(|opened| opened.id.0).collect::<Vec<_>>(), client_ids);
        assert_eq!((by_peer[0].label.as_str(), by_peer[0].ordered), ("_reliable", true));
        assert_eq!((by_peer[1].label.as_str(), by_peer[1].ordered), ("_lossy", false));
        assert_eq!(by_peer[1].reliability, Reliability::MaxRetransmits(0));
        let ours: Vec<_> = at_server.iter().filter(|opened| !opened.by_peer).collect();
        assert_eq!((ours.len(), ours[0].id.0), (1, server_id));
        assert!(opened(&pair.client_events).iter().any(|opened| opened.by_peer && opened.id.0 == server_id));
    }
}

#[test]
fn messages_of_every_size_and_kind_arrive_whole() {
    let mut pair = with_channels(Setup::Active);
    let (up, down) = (ChannelId(0), ChannelId(1));
    let sizes = [0, 1, 1180, 1181, 16_384, 65_536];
    for (turn, size) in sizes.into_iter().enumerate() {
        let kind = if turn % 2 == 0 { DataKind::Text } else { DataKind::Binary };
        let message = vec![b'a'; size];
        pair.client.send_data(pair.now, up, kind, &message).unwrap();
        pair.server.send_data(pair.now, down, kind, &message).unwrap();
        pair.run(Duration::from_secs(1));
        let wanted = |id| vec![(id, kind, message.clone())];
        assert_eq!(messages(&std::mem::take(&mut pair.server_events)), wanted(up), "{size} bytes up");
        assert_eq!(messages(&std::mem::take(&mut pair.client_events)), wanted(down), "{size} bytes down");
    }
}

#[test]
fn a_message_above_64_kib_or_on_no_channel_is_refused() {
    let mut pair = with_channels(Setup::Active);
    let refused = pair.server.send_data(pair.now, ChannelId(1), DataKind::Binary, &[0; 65_537]);
    assert_eq!(refused, Err(SendError::TooLarge));
    let refused = pair.server.send_data(pair.now, ChannelId(500), DataKind::Binary, &[0]);
    assert_eq!(refused, Err(SendError::NotOpen));
}

#[test]
fn reliable_messages_arrive_in_order_through_loss() {
    let mut pair = with_channels(Setup::Active);
    let mut random = 7_u64;
    pair.lose = Box::new(move |_, _| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33).is_multiple_of(5)
    });
    for number in 0..200_u32 {
        pair.client.send_data(pair.now, ChannelId(0), DataKind::Binary, &number.to_be_bytes()).unwrap();
        pair.run(Duration::from_millis(20));
    }
    pair.live(Duration::from_secs(30));
    let got: Vec<_> = messages(&pair.server_events).into_iter().map(|(_, _, bytes)| bytes).collect();
    assert_eq!(got, (0..200_u32).map(|number| number.to_be_bytes().to_vec()).collect::<Vec<_>>());
}

#[test]
fn a_peer_that_acknowledges_nothing_fills_one_mebibyte_and_no_more() {
    let mut pair = with_channels(Setup::Active);
    pair.lose = Box::new(|_, _| true);
    let mut taken = 0;
    let refused = loop {
        match pair.server.send_data(pair.now, ChannelId(1), DataKind::Binary, &[0; 15_000]) {
            Ok(()) => taken += 15_000,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SendError::BufferFull);
    assert!(taken <= 1 << 20 && taken > 1_000_000);
    assert_eq!(pair.server.buffered_bytes(ChannelId(1)), taken);
}

#[test]
fn a_channel_opened_late_works_like_an_early_one() {
    let mut pair = with_channels(Setup::Active);
    pair.server.open_channel(pair.now, lossy());
    pair.run(Duration::from_millis(500));
    let late =
        opened(&pair.server_events).into_iter().find(|opened| opened.label == "_lossy" && !opened.by_peer);
    let id = late.unwrap().id;
    assert_eq!(id, ChannelId(3));
    pair.server.send_data(pair.now, id, DataKind::Binary, b"hello").unwrap();
    pair.run(Duration::from_millis(100));
    assert!(messages(&pair.client_events).contains(&(id, DataKind::Binary, b"hello".to_vec())));
}
