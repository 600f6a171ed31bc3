//! A peer that says `a=ice-lite`: we check, it answers.

use std::time::Duration;

use super::peer::{config, description, epoch, server_path};
use crate::seed::Seed;
use crate::transport::*;

/// Both are transports of ours; what one sends arrives at the other 10 ms later.
#[test]
fn a_lite_peer_is_checked_connects_and_stays() {
    let mut now = epoch();
    let mut server = Transport::new(config(), &Seed::new([1; 32]), now);
    let mut client = Transport::new(config(), &Seed::new([2; 32]), now);
    let ours = server_path(1);
    let theirs = Path::udp(ours.remote, ours.local);
    let candidates = vec!["10.9.9.9:9".parse().unwrap(), ours.remote];
    let answer =
        RemoteDescription { ice: RemoteIce::Lite(candidates), ..description(&client, Setup::Active) };
    server.set_remote(answer, now).unwrap();
    client.set_remote(description(&server, Setup::Passive), now).unwrap();
    assert!(server.is_controlling() && !client.is_controlling());

    let (mut events, mut checks, start) = (Vec::new(), 0, now);
    while now < start + Duration::from_secs(60) {
        now += Duration::from_millis(10);
        for transport in [&mut server, &mut client] {
            transport.handle_timeout(now);
        }
        while let Some(sent) = server.poll_transmit() {
            checks += usize::from(sent.bytes[0] == 0 && sent.bytes[1] == 1);
            if sent.path.remote == ours.remote {
                client.handle_datagram(now, theirs, &mut sent.bytes.to_vec());
            }
        }
        while let Some(sent) = client.poll_transmit() {
            server.handle_datagram(now, ours, &mut sent.bytes.to_vec());
        }
        events.extend(std::iter::from_fn(|| server.poll_event()));
        while client.poll_event().is_some() {}
    }
    let count = |wanted: &Event| events.iter().filter(|event| *event == wanted).count();
    assert_eq!((count(&Event::PathChanged(ours)), count(&Event::Connected)), (1, 1));
    assert_eq!((count(&Event::Stalled), server.media_path()), (0, Some(ours)), "{events:?}");
    // Two probes, a nomination, and consent every 4 to 5 s.
    assert!((15..=22).contains(&checks), "{checks}");
}
