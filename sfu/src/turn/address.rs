//! Which of our addresses stand in URLs and relayed addresses, and how this machine reaches them itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sfu_core::turn::OwnAddress;

/// The addresses that clients most likely reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) v4: Option<Ipv4Addr>,
    pub(super) v6: Option<Ipv6Addr>,
}

impl Best {
    /// For a URL.
    pub(super) fn host(&self) -> Option<String> {
        self.v4.map(|ip| ip.to_string()).or(self.v6.map(|ip| format!("[{ip}]")))
    }
}

/// Prefers public addresses, then the one that leads out of this machine, then any but loopback.
pub(super) fn best(media_ips: &[IpAddr], default_route: impl Fn(IpAddr) -> Option<IpAddr>) -> Best {
    let routes = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()].map(default_route);
    let rank = |ip: &IpAddr| {
        let preferences = [::address::is_public(*ip), routes.contains(&Some(*ip)), !ip.is_loopback()];
        preferences.iter().position(|&preferred| preferred).unwrap_or(preferences.len())
    };
    let first = |is_v4: bool| media_ips.iter().copied().filter(|ip| ip.is_ipv4() == is_v4).min_by_key(rank);
    let v4 = first(true).and_then(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    let v6 = first(false).and_then(|ip| match ip {
        IpAddr::V6(ip) => Some(ip),
        IpAddr::V4(_) => None,
    });
    Best { v4, v6 }
}

/// The address from which this machine would speak to the internet; sends nothing.
pub(super) fn default_route(any: IpAddr) -> Option<IpAddr> {
    // Connecting a UDP socket only looks a route up. Both are root name servers.
    let far: SocketAddr = match any {
        IpAddr::V4(_) => ([198, 41, 0, 4], 53).into(),
        IpAddr::V6(_) => ("2001:503:ba3e::2:30".parse::<IpAddr>().ok()?, 53).into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(far).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Every media address with the one at which this machine reaches itself.
///
/// An address that is no interface's belongs to a NAT in front of us, which need not send our own packets
/// back. Each such address gets a loopback address of its own, at which the media ports listen as well, so
/// that answers still tell which one was asked.
pub(super) fn own(media_ips: &[IpAddr], is_local: impl Fn(IpAddr) -> bool) -> Vec<OwnAddress> {
    let mut alias = u32::from(FIRST_ALIAS);
    let pair = |&told: &IpAddr| {
        if is_local(told) {
            return OwnAddress { told, reached: told };
        }
        alias += 1;
        OwnAddress { told, reached: Ipv4Addr::from(alias).into() }
    };
    media_ips.iter().map(pair).collect()
}

/// Whether an interface of this machine has the address.
pub(super) fn is_local(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// The whole of 127.0.0.0/8 is this machine (RFC 1122 §3.2.1.3).
const FIRST_ALIAS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_best_address_is_the_one_that_most_clients_reach() {
        let route = |any: IpAddr| any.is_ipv4().then(|| "192.168.1.5".parse().unwrap());
        for (all, wanted) in [
            (&["127.0.0.1", "172.17.0.1", "192.168.1.5", "9.9.9.9"][..], "9.9.9.9"),
            (&["127.0.0.1", "172.17.0.1", "192.168.1.5"], "192.168.1.5"),
            (&["127.0.0.1", "172.17.0.1"], "172.17.0.1"),
            (&["127.0.0.1", "fd00::1"], "127.0.0.1"),
            (&["fd00::1", "2a00::1"], "[2a00::1]"),
        ] {
            assert_eq!(best(&ips(all), route).host().as_deref(), Some(wanted));
        }
        assert_eq!(best(&[], route), Best { v4: None, v6: None });
    }

    #[test]
    fn an_address_of_a_nat_is_reached_at_a_loopback_address_of_its_own() {
        let told = ips(&["9.9.9.9", "10.0.0.5", "9.9.9.8"]);
        let reached: Vec<_> =
            own(&told, |ip| ip == ips(&["10.0.0.5"])[0]).iter().map(|own| own.reached).collect();
        assert_eq!(reached, ips(&["127.1.0.1", "10.0.0.5", "127.1.0.2"]));
    }
}
