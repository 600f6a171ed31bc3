//! Two of our agents against each other: one is lite, the other knows it.

use super::*;
use crate::ice::{Agent, AgentEvent};
use crate::transport::RemoteIce;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

fn full() -> SocketAddr {
    "10.0.0.1:7882".parse().unwrap()
}

fn lite() -> SocketAddr {
    "10.0.0.2:7882".parse().unwrap()
}

struct Scene {
    full: Agent,
    lite: Agent,
    now: Instant,
    /// The path is cut.
    cut: bool,
    /// Every so many-th datagram is lost.
    loses: u64,
    sent: u64,
    /// When which check was sent.
    checks: Vec<(Instant, SocketAddr)>,
}

impl Scene {
    fn new(candidates: &[SocketAddr]) -> Self {
        let (mut full, lite) = (Agent::new(&Seed::new([1; 32])), Agent::new(&Seed::new([2; 32])));
        let now = epoch();
        full.set_remote(now, lite.local(), &RemoteIce::Lite(candidates.to_vec()));
        Self { full, lite, now, cut: false, loses: u64::MAX, sent: 0, checks: Vec::new() }
    }

    /// Lets so much time pass, from deadline to deadline.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.full.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.full.handle_timeout(self.now);
            while let Some((path, check)) = self.full.poll_check(self.now) {
                self.checks.push((self.now, path.remote));
                if path.remote == lite() && self.arrives() {
                    let answer = self.lite.handle_check(self.now, Path::udp(lite(), full()), &check).unwrap();
                    if self.arrives() {
                        self.full.handle_answer(self.now, Path::udp(full(), lite()), &answer).unwrap();
                    }
                }
            }
        }
        self.now = end;
    }

    fn arrives(&mut self) -> bool {
        self.sent += 1;
        !self.cut && !self.sent.is_multiple_of(self.loses)
    }

    fn selected(&self) -> (Option<Path>, Option<Path>) {
        (self.full.selected(), self.lite.selected())
    }
}

fn both() -> (Option<Path>, Option<Path>) {
    (Some(Path::udp(full(), lite())), Some(Path::udp(lite(), full())))
}

#[test]
fn a_full_and_a_lite_agent_agree_on_the_path_that_works() {
    let nobody = "10.0.0.9:7882".parse().unwrap();
    let mut scene = Scene::new(&[nobody, lite()]);
    scene.run(Duration::from_millis(100));
    assert_eq!(scene.selected(), both());
    let events: Vec<_> = std::iter::from_fn(|| scene.full.poll_event()).collect();
    assert_eq!(events, [AgentEvent::Selected(Path::udp(full(), lite()))]);
}

#[test]
fn a_lost_third_of_all_datagrams_delays_it_only() {
    let mut scene = Scene::new(&[lite()]);
    scene.loses = 3;
    scene.run(Duration::from_secs(5));
    assert_eq!(scene.selected(), both());
    scene.run(Duration::from_secs(600));
    assert_eq!(scene.selected(), both());
}

/// RFC 7675 §5.1.
#[test]
fn consent_is_asked_every_few_seconds_and_ends_thirty_seconds_after_the_last_answer() {
    let mut scene = Scene::new(&[lite()]);
    scene.run(Duration::from_secs(1));
    let before = scene.checks.len();
    scene.run(Duration::from_secs(600));
    let asked = scene.checks[before..].to_vec();
    assert!((120..=150).contains(&asked.len()), "{}", asked.len());
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(pauses.iter().all(|pause| (4000..=5000).contains(&pause.as_millis())), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause != pauses[0]), "not in step with others");

    scene.cut = true;
    let last = scene.full.last_alive().unwrap();
    scene.run((last + Duration::from_millis(29_999)) - scene.now);
    assert!(scene.full.selected().is_some());
    scene.run(Duration::from_millis(1));
    assert_eq!(scene.full.selected(), None);
    let before = scene.checks.len();
    scene.cut = false;
    scene.run(Duration::from_secs(600));
    assert_eq!((scene.checks.len(), scene.full.selected()), (before, None), "only a restart goes on");

    scene.lite.restart();
    scene.full.restart();
    scene.full.set_remote(scene.now, scene.lite.local(), &RemoteIce::Lite(vec![lite()]));
    scene.run(Duration::from_millis(100));
    assert_eq!(scene.selected(), both());
}

/// What a stranger's description makes us send: little, slowly, and not for ever.
#[test]
fn candidates_at_which_nobody_answers_get_a_few_checks_each() {
    let many: Vec<SocketAddr> = (1..=200).map(|n| SocketAddr::from(([10, 1, 0, n], 9))).collect();
    let groups = ["224.0.0.1:9", "255.255.255.255:9", "0.0.0.0:9", "10.0.0.2:0", "[ff02::1]:9"];
    let all: Vec<_> = groups.iter().map(|text| text.parse().unwrap()).chain(many.clone()).collect();
    let mut scene = Scene::new(&all);
    scene.run(Duration::from_secs(60));
    assert_eq!(scene.checks.len(), MAX_CANDIDATES * usize::try_from(MAX_TRIES).unwrap());
    assert!(scene.checks.iter().all(|(_, to)| many[..MAX_CANDIDATES].contains(to)));
    assert!(scene.checks.windows(2).all(|pair| pair[1].0 - pair[0].0 >= PACE));
    assert_eq!(scene.full.poll_timeout(), None);
}

#[test]
fn a_candidate_that_comes_late_is_checked_in_its_own_ice_session() {
    let mut scene = Scene::new(&["10.0.0.9:9".parse().unwrap()]);
    scene.run(Duration::from_secs(60));
    let tries = usize::try_from(MAX_TRIES).unwrap();
    assert_eq!((scene.checks.len(), scene.full.selected()), (tries, None));
    scene.full.add_candidates(scene.now, Some("another"), &[lite()]);
    scene.full.add_candidates(scene.now, None, &["10.0.0.9:9".parse().unwrap()]);
    scene.run(Duration::from_secs(60));
    assert_eq!(scene.checks.len(), tries, "not of this session, or known");

    let ufrag = scene.lite.local().ufrag.clone();
    scene.full.add_candidates(scene.now, Some(&ufrag), &[lite()]);
    scene.run(Duration::from_millis(100));
    assert_eq!(scene.selected(), both());
    // A path works: nothing else is checked.
    scene.full.add_candidates(scene.now, Some(&ufrag), &["10.0.0.8:9".parse().unwrap()]);
    scene.run(Duration::from_secs(60));
    assert!(scene.checks[tries..].iter().all(|(_, to)| *to == lite()), "{:?}", scene.checks);
}

#[test]
fn candidates_that_come_one_by_one_are_as_many_as_those_of_a_description() {
    let mut scene = Scene::new(&[]);
    for n in 1..=200 {
        scene.full.add_candidates(scene.now, None, &[SocketAddr::from(([10, 1, 0, n], 9))]);
        scene.run(Duration::from_secs(1));
    }
    assert_eq!(scene.checks.len(), MAX_CANDIDATES * usize::try_from(MAX_TRIES).unwrap());
}

#[test]
fn only_the_peers_own_answer_to_a_check_from_where_it_was_sent_counts() {
    let mut scene = Scene::new(&[lite()]);
    let (path, check) = scene.full.poll_check(scene.now).unwrap();
    assert_eq!((path.remote, path.local), (lite(), "0.0.0.0:0".parse().unwrap()));
    let asked = Message::parse(&check).unwrap();
    assert_eq!(ufrag_of(&asked.transaction().0), Some(&*scene.full.local().ufrag), "an answer finds us");
    let answer =
        |class, id, password: &str| MessageWriter::new(class, id).mapped_address(full()).sign(password);
    let password = scene.lite.local().pwd.clone();
    let other = TransactionId([1; 12]);
    let right = Path::udp(full(), lite());
    let elsewhere = Path::udp(full(), "10.0.0.3:7882".parse().unwrap());
    for (path, answer) in [
        (elsewhere, answer(Class::Success, asked.transaction(), &password)),
        (right, answer(Class::Success, other, &password)),
        (right, answer(Class::Success, asked.transaction(), "guess")),
    ] {
        assert!(scene.full.handle_answer(scene.now, path, &answer).is_err());
    }
    assert!(!scene.full.is_checked(&right));
    let good = answer(Class::Success, asked.transaction(), &password);
    assert_eq!(scene.full.handle_answer(scene.now, right, &good), Ok(()));
    assert!(scene.full.is_checked(&right) && scene.full.selected().is_none(), "not nominated yet");
    assert!(scene.full.handle_answer(scene.now, right, &good).is_err(), "once");
    let (path, nomination) = scene.full.poll_check(scene.now).unwrap();
    let nomination = Message::parse(&nomination).unwrap();
    assert!(nomination.use_candidate() && path == right);
    assert!(matches!(nomination.role(), Some(Role::Controlling(_))));
}

#[test]
fn an_agent_that_checks_nobody_takes_no_answers() {
    let mut agent = Agent::new(&Seed::new([1; 32]));
    let bytes = MessageWriter::new(Class::Success, TransactionId([1; 12])).sign("");
    assert!(agent.handle_answer(epoch(), Path::udp(full(), lite()), &bytes).is_err());
    assert_eq!((agent.poll_check(epoch()), agent.is_controlling()), (None, false));
}
