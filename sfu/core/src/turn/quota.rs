//! Who has how many allocations.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::Limits;

/// Counts allocations by whose they are and where they are asked for.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    all: usize,
    people: HashMap<String, usize>,
    networks: HashMap<IpAddr, usize>,
}

/// Why there is no further allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// This person or network has its share.
    Share,
    /// The server is full.
    Server,
}

impl Quotas {
    /// Counts one allocation more.
    pub(super) fn take(&mut self, limits: &Limits, person: &str, network: IpAddr) -> Result<(), Exhausted> {
        let of_person = self.people.get(person).copied().unwrap_or(0);
        let of_network = self.networks.get(&network).copied().unwrap_or(0);
        if of_person >= limits.allocations_per_user || of_network >= limits.allocations_per_address {
            return Err(Exhausted::Share);
        }
        if self.all >= limits.allocations {
            return Err(Exhausted::Server);
        }
        self.all += 1;
        self.people.insert(person.to_owned(), of_person + 1);
        self.networks.insert(network, of_network + 1);
        Ok(())
    }

    /// Counts one less.
    pub(super) fn give_back(&mut self, person: &str, network: IpAddr) {
        self.all = self.all.saturating_sub(1);
        decrease(&mut self.people, person);
        decrease(&mut self.networks, &network);
    }
}

/// Forgets whoever has none left.
fn decrease<K: Eq + Hash + std::borrow::Borrow<Q>, Q: Eq + Hash + ?Sized>(
    counts: &mut HashMap<K, usize>,
    key: &Q,
) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
