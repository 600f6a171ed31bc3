//! What each row of the matrix does to a path.

use std::time::Duration;

use netem::{Bottleneck, Jitter, LinkConfig, Loss, QueueLimit, Reorder};

/// A path, and how it changes.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Both directions at the start.
    pub path: LinkConfig,
    /// Later configurations.
    pub changes: Vec<(Duration, LinkConfig)>,
    /// The peer connections move to other ports then.
    pub moves_at: Option<Duration>,
    /// Only one of the viewers has it.
    pub is_for_one: bool,
    /// It passes no UDP.
    pub is_tcp_only: bool,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As in the matrix, with a letter where a row has several profiles.
    pub name: &'static str,
    /// In words.
    pub what: &'static str,
}

/// All rows.
pub const ROWS: [Row; 20] = [
    Row { name: "0", what: "clean, 20 ms" },
    Row { name: "1", what: "1 % loss, 50 ms" },
    Row { name: "2", what: "5 % loss, 50 ms" },
    Row { name: "3", what: "10 % loss for 60 s, then none" },
    Row { name: "4", what: "20 % loss, 100 ms" },
    Row { name: "5", what: "bursts of 5, 3 % loss" },
    Row { name: "6", what: "jitter of 30 ms, 2 % reordered, 1 % twice" },
    Row { name: "7", what: "1, 2.5, 0.6, 1 Mb/s, 50 ms, queue of 300 ms" },
    Row { name: "8a", what: "150 kb/s" },
    Row { name: "8b", what: "150 kb/s, 100 ms, queue of 30 packets" },
    Row { name: "8c", what: "250 kb/s, 1 % loss, queue of 10 packets" },
    Row { name: "9a", what: "blackout of 1 s" },
    Row { name: "9b", what: "blackout of 5 s" },
    Row { name: "9c", what: "blackout of 15 s" },
    Row { name: "10", what: "blackout of 45 s, then a new session" },
    Row { name: "11", what: "other addresses in mid-call" },
    Row { name: "12a", what: "one viewer loses 50 %" },
    Row { name: "12b", what: "one viewer gets nothing" },
    Row { name: "13", what: "one bit wrong in 0.1 % of datagrams" },
    Row { name: "14", what: "no UDP, TCP alone, 50 ms" },
];

/// When row 3's loss ends.
pub(crate) const LOSS_ENDS: Duration = Duration::from_secs(60);
/// When blackouts, moves and the like happen.
pub(crate) const EVENT: Duration = Duration::from_secs(40);
/// How long each step of row 7 lasts.
pub(crate) const STEP: Duration = Duration::from_secs(30);
/// The steps of row 7.
pub(crate) const STEPS_BPS: [u64; 4] = [1_000_000, 2_500_000, 600_000, 1_000_000];

impl Row {
    /// What the row does.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let delayed = |millis| LinkConfig { delay: ms(millis), ..LinkConfig::default() };
        let base = delayed(20);
        let lossy = |millis, loss| LinkConfig { loss, ..delayed(millis) };
        let narrow = |millis, rate, queue| LinkConfig {
            bottleneck: Some(Bottleneck::new(rate, queue)),
            ..delayed(millis)
        };
        let blackout = |seconds| {
            vec![(EVENT, LinkConfig { is_down: true, ..base }), (EVENT + Duration::from_secs(seconds), base)]
        };
        let mut profile = Profile {
            path: base,
            changes: Vec::new(),
            moves_at: None,
            is_for_one: false,
            is_tcp_only: false,
        };
        match self.name {
            "1" => profile.path = lossy(50, Loss::Uniform(0.01)),
            "2" => profile.path = lossy(50, Loss::Uniform(0.05)),
            "3" => {
                profile.path = lossy(50, Loss::Uniform(0.1));
                profile.changes = vec![(LOSS_ENDS, delayed(50))];
            }
            "4" => profile.path = lossy(100, Loss::Uniform(0.2)),
            "5" => profile.path = lossy(50, Loss::Bursts { share: 0.03, mean: 5.0 }),
            "6" => {
                profile.path = LinkConfig {
                    jitter: Jitter::InOrder(ms(30)),
                    reorder: Some(Reorder { share: 0.02, by: ms(20) }),
                    duplicate: 0.01,
                    ..delayed(100)
                }
            }
            "7" => {
                let step = |place: usize| narrow(50, STEPS_BPS[place], QueueLimit::Time(ms(300)));
                profile.path = step(0);
                profile.changes = vec![(STEP, step(1)), (2 * STEP, step(2)), (3 * STEP, step(3))];
            }
            "8a" => profile.path = narrow(20, 150_000, QueueLimit::Time(ms(300))),
            "8b" => profile.path = narrow(100, 150_000, QueueLimit::Packets(30)),
            "8c" => {
                let loss = Loss::Uniform(0.01);
                profile.path = LinkConfig { loss, ..narrow(20, 250_000, QueueLimit::Packets(10)) };
            }
            "9a" => profile.changes = blackout(1),
            "9b" => profile.changes = blackout(5),
            "9c" => profile.changes = blackout(15),
            "10" => profile.changes = blackout(45),
            "11" => profile.moves_at = Some(EVENT),
            "12a" => {
                (profile.path, profile.is_for_one) = (lossy(20, Loss::Uniform(0.5)), true);
            }
            "12b" => {
                profile.changes = vec![(EVENT, LinkConfig { is_down: true, ..base })];
                profile.is_for_one = true;
            }
            "13" => profile.path.flip = 0.001,
            "14" => (profile.path, profile.is_tcp_only) = (delayed(50), true),
            _ => {}
        }
        profile
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
