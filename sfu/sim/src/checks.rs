//! Invariants that hold in every run, whatever the network does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use sfu_core::rtp::{SeqNo, SeqUnwrapper};
use sfu_core::transport::Path;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Duration,
    /// What happened.
    pub what: String,
}

/// What the run knows of who may get what, and what was sealed.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) violations: Vec<Violation>,
    /// Numbers that were sealed, by path and SSRC.
    sealed: HashMap<(Path, u32), (SeqUnwrapper, HashSet<u64>)>,
    /// Owner of each track, and whether it is a picture.
    owners: BTreeMap<String, (u16, bool)>,
    /// Client and track: it must not get it.
    barred: BTreeSet<(u16, String)>,
    /// Of clients whose estimate stands above their cap.
    above: BTreeMap<u16, Above>,
}

/// The seconds in which a client's estimate stood above its cap.
struct Above {
    /// When the current second began, and bytes that had been sent to the client by then.
    began: Duration,
    sent: u64,
    /// Seconds in a row in which more was sent than the path carries.
    seconds: u32,
}

/// An estimate may be above 1.2 times the cap, and used, for so many seconds.
const LONGEST_ABOVE: u32 = 3;

impl Checks {
    pub(crate) fn fail(&mut self, at: Duration, what: String) {
        // One defect fails each packet; the first few tell enough.
        if self.violations.len() < 20 {
            self.violations.push(Violation { at, what });
        }
    }

    pub(crate) fn own(&mut self, track: &str, owner: u16, is_picture: bool) {
        self.owners.insert(track.to_owned(), (owner, is_picture));
    }

    pub(crate) fn owner(&self, track: &str) -> Option<u16> {
        self.owners.get(track).map(|&(owner, _)| owner)
    }

    /// From now on the client must not get the track, or may again.
    pub(crate) fn bar(&mut self, client: u16, track: &str, barred: bool) {
        if barred {
            self.barred.insert((client, track.to_owned()));
        } else {
            self.barred.remove(&(client, track.to_owned()));
        }
    }

    /// A datagram of media left the shard towards a client.
    pub(crate) fn on_sealed(
        &mut self,
        at: Duration,
        (client, path): (u16, Path),
        (ssrc, seq, track): (u32, u16, Option<String>),
    ) {
        let (unwrapper, used) = self.sealed.entry((path, ssrc)).or_default();
        let index = unwrapper.unwrap(SeqNo(seq));
        if !used.insert(index.0) {
            self.fail(at, format!("client {client}: SSRC {ssrc} seals number {} twice", index.0));
        }
        let Some(track) = track else {
            self.fail(at, format!("client {client} gets SSRC {ssrc}, which was never offered to it"));
            return;
        };
        if self.barred.contains(&(client, track.clone())) {
            self.fail(at, format!("client {client} gets {track}, which it must not get"));
        }
    }

    /// A client's estimate beside what its path carries (`None`: the path is not the limit now), and bytes sent to
    /// it so far. An estimate that nobody uses is only a belief: it is wrong when more is sent than the path carries.
    pub(crate) fn on_estimate(
        &mut self,
        at: Duration,
        client: u16,
        (estimate, cap): (u64, Option<u64>),
        sent: u64,
    ) {
        let Some(cap) = cap.filter(|cap| estimate * 10 > cap * 12) else {
            self.above.remove(&client);
            return;
        };
        let above = self.above.entry(client).or_insert(Above { began: at, sent, seconds: 0 });
        let time = at - above.began;
        if time < Duration::from_secs(1) {
            return;
        }
        let sent_bps = ((sent - above.sent) as f64 * 8.0 / time.as_secs_f64()) as u64;
        let seconds = if sent_bps > cap { above.seconds + 1 } else { 0 };
        *above = Above { began: at, sent, seconds };
        if seconds > LONGEST_ABOVE {
            let what = format!("client {client}: {estimate} b/s estimated, {sent_bps} sent over {cap}");
            self.fail(at, what);
        }
    }
}
