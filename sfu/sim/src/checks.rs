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
    /// Since when a client's estimate stands above its cap.
    above: BTreeMap<u16, Duration>,
}

/// The longest time for which an estimate may be above 1.2 times the cap.
const LONGEST_ABOVE: Duration = Duration::from_secs(3);

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

    /// A client's estimate beside what its path carries; `None`: the path is not the limit now.
    pub(crate) fn on_estimate(&mut self, at: Duration, client: u16, estimate: u64, cap: Option<u64>) {
        let is_above = cap.is_some_and(|cap| estimate * 10 > cap * 12);
        if !is_above {
            self.above.remove(&client);
            return;
        }
        let since = *self.above.entry(client).or_insert(at);
        if at - since > LONGEST_ABOVE {
            self.above.insert(client, at);
            self.fail(at, format!("client {client}: {estimate} b/s estimated over {cap:?} for 3 s"));
        }
    }
}
