//! A network of its own for one client, which may pass no UDP.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// This machine's interfaces. A client that takes all of them may choose another test's cable and never come back.
static INTERFACES: RwLock<()> = RwLock::new(());

/// While this is held no interface comes or goes.
pub(crate) fn steady_interfaces() -> RwLockReadGuard<'static, ()> {
    INTERFACES.read().unwrap_or_else(PoisonError::into_inner)
}

/// A network namespace with one cable to this machine; removed when dropped.
pub(crate) struct Namespace {
    name: String,
    host: Ipv4Addr,
    _interfaces: RwLockWriteGuard<'static, ()>,
}

impl Namespace {
    /// `None` for people who may not make one; the tests that need it say so and do nothing.
    #[expect(clippy::print_stdout, reason = "who runs the tests shall know what they did not test")]
    pub(crate) fn new() -> Option<Self> {
        static LAST: AtomicU8 = AtomicU8::new(0);
        if !nix::unistd::geteuid().is_root() {
            println!("only root can make network namespaces: not tested");
            return None;
        }
        let interfaces = INTERFACES.write().unwrap_or_else(PoisonError::into_inner);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let [high, low] = u16::try_from(std::process::id() % 0x4000).unwrap().to_be_bytes();
        // 198.18.0.0/15 is for tests (RFC 2544); processes and their tests get networks of their own.
        let host = Ipv4Addr::new(198, 18 + (high >> 5), high << 3 | (number & 7), low & 0xfc | 1);
        let client = Ipv4Addr::from(u32::from(host) + 1);
        let name = format!("dais{}-{number}", std::process::id());
        let (ours, theirs) = (format!("{name}a"), format!("{name}b"));
        ip(&format!("netns add {name}"));
        let namespace = Self { name, host, _interfaces: interfaces };
        ip(&format!("link add {ours} type veth peer name {theirs} netns {}", namespace.name));
        ip(&format!("addr add {host}/30 dev {ours}"));
        ip(&format!("link set {ours} up"));
        for command in [
            format!("addr add {client}/30 dev {theirs}"),
            format!("link set {theirs} up"),
            "link set lo up".to_owned(),
        ] {
            ip(&format!("-n {} {command}", namespace.name));
        }
        Some(namespace)
    }

    /// From now on no UDP leaves it.
    pub(crate) fn block_udp(&self) {
        ip(&format!("-n {} rule add pref 10 ipproto udp prohibit", self.name));
    }

    /// This machine's address on the cable.
    pub(crate) fn host(&self) -> IpAddr {
        self.host.into()
    }

    /// Put before a command, it runs inside.
    pub(crate) fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Takes the cable with it.
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2 is there");
    assert!(status.success() || std::thread::panicking(), "ip {arguments}");
}
