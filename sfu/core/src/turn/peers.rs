//! Whom a relay may speak with: this SFU's media ports, and public addresses.
//!
//! A relay that also reached the machine's own services or its private network would open them to everybody
//! who may join a room (CVE-2020-26262, CVE-2026-27624); so an own address is reached at media ports only, and
//! of all others `address` knows which are public, whatever form they come in.

use std::net::{IpAddr, SocketAddr};

/// One address of this SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAddress {
    /// As clients are told.
    pub told: IpAddr,
    /// As this machine reaches itself; differs when the told one belongs to a NAT in front of it. No two
    /// addresses share one.
    pub reached: IpAddr,
}

/// Whom allocations may speak with.
#[derive(Debug, Clone)]
pub struct Peers {
    own: Vec<OwnAddress>,
    media_ports: Vec<u16>,
}

impl Peers {
    /// This SFU's addresses, and its UDP media ports on each of them.
    #[must_use]
    pub fn new(own: Vec<OwnAddress>, media_ports: Vec<u16>) -> Self {
        Self { own, media_ports }
    }

    /// Whether a permission may be installed; it names no port (RFC 8656 §9).
    pub(super) fn may_permit(&self, ip: IpAddr) -> bool {
        self.is_own(ip) || is_public(ip)
    }

    /// Whether a datagram may go there, or come from there.
    pub(super) fn may_reach(&self, peer: SocketAddr) -> bool {
        if self.is_own(peer.ip()) { self.media_ports.contains(&peer.port()) } else { is_public(peer.ip()) }
    }

    /// Where a datagram for this peer is sent.
    pub(super) fn outward(&self, peer: SocketAddr) -> SocketAddr {
        let own = self.own.iter().find(|own| own.told == peer.ip());
        SocketAddr::new(own.map_or(peer.ip(), |own| own.reached), peer.port())
    }

    /// The peer from whose address a datagram came.
    pub(super) fn inward(&self, from: SocketAddr) -> SocketAddr {
        let own = self.own.iter().find(|own| own.reached == from.ip());
        SocketAddr::new(own.map_or(from.ip(), |own| own.told), from.port())
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        self.own.iter().any(|own| own.told == ip)
    }
}

/// An IPv4 address in the clothes of IPv6 would leave a relay of the other family: nobody needs that.
fn is_public(ip: IpAddr) -> bool {
    ip.to_canonical() == ip && address::is_public(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        let own = |told: &str, reached: &str| OwnAddress {
            told: told.parse().unwrap(),
            reached: reached.parse().unwrap(),
        };
        let all =
            vec![own("10.0.0.5", "10.0.0.5"), own("198.51.100.9", "127.1.0.1"), own("fd00::5", "fd00::5")];
        Peers::new(all, vec![7882, 7883])
    }

    #[test]
    fn this_sfu_is_reached_at_its_media_ports_only() {
        for (peer, allowed) in [
            ("10.0.0.5:7882", true),
            ("10.0.0.5:7883", true),
            ("10.0.0.5:7884", false),
            ("10.0.0.5:53", false),
            ("198.51.100.9:7882", true),
            ("198.51.100.9:22", false),
            ("[fd00::5]:7882", true),
            ("10.0.0.6:7882", false),
            ("127.0.0.1:7882", false),
            ("127.1.0.1:7882", false),
            ("[::ffff:10.0.0.5]:7882", false),
            ("1.1.1.1:53", true),
        ] {
            assert_eq!(peers().may_reach(peer.parse().unwrap()), allowed, "{peer}");
        }
    }

    /// A few of `address`'s table, in the forms that went around other servers' lists.
    #[test]
    fn special_addresses_get_no_permission_in_any_form() {
        for ip in [
            "0.0.0.0",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
            "fe80::1",
            "fd00::6",
            "ff02::1",
        ] {
            assert!(!peers().may_permit(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.0.0.5", "fd00::5", "1.1.1.1", "2606:4700::1111"] {
            assert!(peers().may_permit(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn an_address_in_front_of_a_nat_is_reached_on_this_machine() {
        let peers = peers();
        for (told, reached) in [
            ("198.51.100.9:7882", "127.1.0.1:7882"),
            ("10.0.0.5:7882", "10.0.0.5:7882"),
            ("1.1.1.1:9", "1.1.1.1:9"),
        ] {
            let (told, reached) = (told.parse().unwrap(), reached.parse().unwrap());
            assert_eq!((peers.outward(told), peers.inward(reached)), (reached, told));
        }
    }
}
