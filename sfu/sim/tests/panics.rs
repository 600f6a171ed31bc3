//! What a panic in one room's logic does to it, and not to the room beside it.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::time::Duration;

use sfu_sim::{ClientConfig, ClientId, ClientState, World};

/// Without redundancy: every lost packet of sound is heard.
fn config(room: u16, speaks: bool) -> ClientConfig {
    let base = if speaks { ClientConfig::speaker(room) } else { ClientConfig::listener(room) };
    ClientConfig { red: false, ..base }
}

fn pair(world: &mut World, room: u16) -> (ClientId, ClientId) {
    let pair = (world.join(config(room, true)), world.join(config(room, false)));
    let hears = |world: &World| world.sound(pair.1, pair.0).is_some_and(|sound| sound.due > 100);
    assert!(world.run_until(Duration::from_secs(10), hears), "{}", world.describe(pair.1, pair.0));
    pair
}

#[test]
fn a_panic_in_one_room_ends_it_and_its_neighbour_loses_no_packet() {
    let mut world = World::new(11);
    let (speaker, listener) = pair(&mut world, 1);
    let (neighbour, audience) = pair(&mut world, 2);
    let before = world.sound(audience, neighbour).unwrap();
    let freezes = world.picture(audience, neighbour).unwrap().freezes;
    world.break_room(1);
    world.run(Duration::from_secs(5));
    let stats = world.stats();
    assert_eq!((stats.room_panics, stats.rooms, stats.participants), (1, 1, 2));
    assert_eq!([world.state(speaker), world.state(listener)], [ClientState::Left; 2]);
    let after = world.sound(audience, neighbour).unwrap();
    assert!(after.due >= before.due + 240, "{before:?} {after:?}");
    assert_eq!((after.concealed, before.concealed), (0, 0));
    assert_eq!(world.picture(audience, neighbour).unwrap().freezes, freezes);
    assert!(world.violations().is_empty(), "{:?}", world.violations());
}

#[test]
fn a_room_that_panicked_opens_again() {
    let mut world = World::new(12);
    pair(&mut world, 1);
    world.break_room(1);
    world.run(Duration::from_secs(1));
    assert_eq!(world.stats().rooms, 0);
    assert_eq!(
        (world.stats().transports, world.stats().publications, world.stats().subscriptions),
        (0, 0, 0)
    );
    pair(&mut world, 1);
    assert_eq!((world.stats().rooms, world.stats().room_panics), (1, 1));
}
