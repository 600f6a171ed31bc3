//! A shard that is only spoken to: its limits, to the room and to the millisecond.

use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use crate::room::message::{Carried, Joined, LeaveAction};
use crate::room::participant::{Lifeline, Transports};
use crate::room::permission::Permission;
use crate::sdp::CandidateProtocol;
use crate::transport::Certificate;

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Certificate::generate().unwrap());

struct Scene {
    shard: Shard,
    now: Instant,
}

impl Scene {
    fn new(change: impl FnOnce(&mut ShardConfig)) -> Self {
        let address = "192.0.2.1:7882".parse().unwrap();
        let mut config = ShardConfig {
            transport: TransportConfig::new(CERTIFICATE.clone()),
            candidates: vec![Candidate { address, protocol: CandidateProtocol::Udp }],
            limits: RoomLimits::default(),
            sdp: SdpLimits::default(),
            rooms: 10,
            hide_audience: false,
            arena_bytes: 64 << 10,
            seating: SeatingConfig::ALONE,
        };
        change(&mut config);
        let now = Instant::now();
        let start = Now { instant: now, unix_us: 1_700_000_000_000_000 };
        Self { shard: Shard::new(config, Seed::new([5; 32]), start), now }
    }

    fn command(&mut self, command: Command) {
        self.shard.handle_command(self.now, command);
    }

    /// Returns what the newcomer hears first.
    fn join(&mut self, connection: u64, room: &str) -> Response {
        let connection = ConnectionId(connection);
        let join = Box::new(joining(connection));
        self.command(Command::Join {
            connection,
            room: room.to_owned(),
            join,
            resume: None,
            options: RoomOptions::default(),
        });
        self.heard(connection).remove(0)
    }

    /// What a connection has heard since the last look; what others heard is forgotten.
    fn heard(&mut self, connection: ConnectionId) -> Vec<Response> {
        let mut words = Vec::new();
        while let Some(event) = self.shard.poll_event() {
            if let Event::Say { connection: to, response } = event
                && to == connection
            {
                words.push(*response);
            }
        }
        words
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.shard.poll_timeout().filter(|&due| due <= end) {
            self.now = due.max(self.now);
            self.shard.handle_timeout(self.now, &mut |_| ());
        }
        self.now = end;
    }
}

fn joining(connection: ConnectionId) -> Join {
    Join {
        identity: format!("guest {}", connection.0),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        permission: Permission::speaker(),
        auto_subscribe: true,
        adaptive_stream: false,
        may_pause: true,
        kind: Carried(0),
        kind_details: Vec::new(),
        client_protocol: Carried(0),
        capabilities: Vec::new(),
        receives_red: true,
        transports: Transports::Single,
        connection: Some(connection),
        lifeline: Lifeline::Signal,
        moderates: false,
    }
}

const A_MOMENT: Duration = Duration::from_millis(1);

#[test]
fn as_many_rooms_are_open_as_may_be_and_no_more() {
    let mut scene = Scene::new(|config| config.rooms = 2);
    assert!(matches!(scene.join(1, "one"), Response::Joined(_)));
    assert!(matches!(scene.join(2, "two"), Response::Joined(_)));
    let full = Response::Leave { reason: LeaveReason::ServerShutdown, action: LeaveAction::Disconnect };
    assert_eq!(scene.join(3, "three"), full);
    assert!(matches!(scene.join(4, "one"), Response::Joined(_)), "a room that is open is");
}

#[test]
fn a_participant_without_media_path_is_collected_in_time_and_not_before() {
    let time = Duration::from_secs(7);
    let mut scene = Scene::new(|config| config.limits.join_timeout = time);
    scene.join(1, "hall");
    scene.pass(time - A_MOMENT);
    assert_eq!(scene.shard.stats().participants, 1);
    scene.pass(A_MOMENT);
    assert_eq!(scene.shard.stats().participants, 0);
    let left = Response::Leave { reason: LeaveReason::JoinFailure, action: LeaveAction::Reconnect };
    assert!(scene.heard(ConnectionId(1)).contains(&left));
}

#[test]
fn a_silent_participant_is_waited_for_as_long_as_the_window_and_no_longer() {
    let window = Duration::from_secs(40);
    let mut scene = Scene::new(|config| {
        config.limits.join_timeout = Duration::from_secs(1000);
        config.limits.resume_window = window;
    });
    scene.join(1, "hall");
    scene.command(Command::SignalEnded { connection: ConnectionId(1), end: SignalEnd::Silent });
    scene.pass(window - A_MOMENT);
    assert_eq!(scene.shard.stats().participants, 1);
    // A lost session is looked at once a second.
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.shard.stats().participants, 0);
}

#[test]
fn a_room_closes_in_time_after_nobody_came_or_everybody_left_and_not_before() {
    let (empty, departure) = (Duration::from_secs(11), Duration::from_secs(5));
    let mut scene = Scene::new(|config| {
        config.limits.empty_timeout = empty;
        config.limits.departure_timeout = departure;
    });
    let create = |scene: &mut Scene, name: &str| {
        let options = RoomOptions::default();
        let request = AdminRequest::CreateRoom { name: name.to_owned(), options };
        scene.command(Command::Admin { id: AdminId(1), request });
    };
    create(&mut scene, "quiet");
    scene.pass(empty - A_MOMENT);
    assert_eq!(scene.shard.stats().rooms, 1);
    scene.pass(A_MOMENT);
    assert_eq!(scene.shard.stats().rooms, 0);
    scene.join(1, "hall");
    let request = Box::new(Request::Leave(LeaveReason::ClientInitiated));
    scene.command(Command::Request { connection: ConnectionId(1), request });
    scene.pass(departure - A_MOMENT);
    assert_eq!(scene.shard.stats().rooms, 1);
    scene.pass(A_MOMENT);
    assert_eq!(scene.shard.stats().rooms, 0);
}

#[test]
fn a_room_has_as_many_participants_as_its_maker_says_and_no_more() {
    let mut scene = Scene::new(|_| ());
    let options = RoomOptions { max_participants: 2, ..Default::default() };
    let request = AdminRequest::CreateRoom { name: "hall".to_owned(), options };
    scene.command(Command::Admin { id: AdminId(1), request });
    assert!(matches!(scene.join(1, "hall"), Response::Joined(_)));
    let Response::Joined(joined) = scene.join(2, "hall") else { panic!("the second has a place") };
    let Joined { room, .. } = *joined;
    assert_eq!(room.max_participants, 2);
    let full = Response::Leave { reason: LeaveReason::UserRejected, action: LeaveAction::Disconnect };
    assert_eq!(scene.join(3, "hall"), full);
}

#[test]
fn an_offer_of_as_many_lines_as_allowed_is_answered_and_one_more_is_not() {
    let offer = include_str!("../sdp/tests/chromium_single.sdp");
    let lines = offer.split('\n').count();
    for (limit, is_answered) in [(lines, true), (lines - 1, false)] {
        let mut scene = Scene::new(|config| config.sdp.lines = limit);
        scene.join(1, "hall");
        let description =
            crate::room::message::Description { id: 1, sdp: offer.to_owned(), mid_to_track: Vec::new() };
        let request = Box::new(Request::Offer(description));
        scene.command(Command::Request { connection: ConnectionId(1), request });
        let heard = scene.heard(ConnectionId(1));
        assert_eq!(heard.iter().any(|word| matches!(word, Response::Answer(_))), is_answered);
        assert_eq!(heard.iter().any(|word| matches!(word, Response::Leave { .. })), !is_answered);
    }
}
