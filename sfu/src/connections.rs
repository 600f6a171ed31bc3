//! Accepted TCP connections of one kind: how many there may be, in all and of one address.
//!
//! It decides who is let in; what a connection carries is its owner's business.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpStream};

use sfu_core::transport::{Path, TcpId};
use sfu_core::turn::network;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    /// Of one address (IPv6: of one /64).
    pub(crate) per_address: usize,
}

/// Open connections by their names, which are never used again.
pub(crate) struct Connections<C> {
    open: HashMap<TcpId, (Path, C)>,
    networks: HashMap<IpAddr, usize>,
    bounds: Bounds,
    last_id: u64,
    /// Refused because there were too many.
    pub(crate) refused: u64,
}

impl<C> Connections<C> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { open: HashMap::new(), networks: HashMap::new(), bounds, last_id: 0, refused: 0 }
    }

    /// Takes an accepted connection, without blocking and delay from now on; `None` when there are too many, it
    /// is already gone, or `make` does not want it.
    pub(crate) fn admit(
        &mut self,
        (stream, remote): (TcpStream, SocketAddr),
        make: impl FnOnce(TcpStream) -> Option<C>,
    ) -> Option<TcpId> {
        let remote = canonical(remote);
        let of_network = self.networks.get(&network(remote.ip())).copied().unwrap_or(0);
        if self.open.len() >= self.bounds.connections || of_network >= self.bounds.per_address {
            self.refused += 1;
            return None;
        }
        // A failing option only costs delay.
        let _ = stream.set_nodelay(true);
        stream.set_nonblocking(true).ok()?;
        let local = canonical(stream.local_addr().ok()?);
        let connection = make(stream)?;
        self.last_id += 1;
        let id = TcpId(self.last_id);
        self.networks.insert(network(remote.ip()), of_network + 1);
        self.open.insert(id, (Path::tcp(local, remote, id), connection));
        Some(id)
    }

    pub(crate) fn get(&self, id: TcpId) -> Option<&C> {
        self.open.get(&id).map(|(_, connection)| connection)
    }

    pub(crate) fn get_mut(&mut self, id: TcpId) -> Option<(Path, &mut C)> {
        self.open.get_mut(&id).map(|(path, connection)| (*path, connection))
    }

    /// Closes it; returns its path.
    pub(crate) fn remove(&mut self, id: TcpId) -> Option<Path> {
        let (path, _) = self.open.remove(&id)?;
        let network = network(path.remote.ip());
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
        Some(path)
    }

    /// Those of which this is true.
    pub(crate) fn those(&mut self, mut is_one: impl FnMut(Path, &mut C) -> bool) -> Vec<TcpId> {
        let found = self
            .open
            .iter_mut()
            .filter_map(|(&id, (path, connection))| is_one(*path, connection).then_some(id));
        found.collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}

/// An IPv4 address mapped into IPv6 is an IPv4 address.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn connections_end_at_their_number_and_are_given_back() {
        for (connections, per_address) in [(2, 9), (9, 2)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut all = Connections::new(Bounds { connections, per_address });
            let mut clients = Vec::new();
            let mut connect = |all: &mut Connections<TcpStream>| {
                clients.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
                all.admit(listener.accept().unwrap(), Some)
            };
            let first = connect(&mut all).unwrap();
            assert!(connect(&mut all).is_some() && connect(&mut all).is_none());
            assert_eq!((all.len(), all.refused), (2, 1));
            assert!(all.remove(first).is_some() && all.remove(first).is_none());
            assert!(connect(&mut all).is_some());
        }
    }
}
