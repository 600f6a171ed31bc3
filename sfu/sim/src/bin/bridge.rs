//! Stands between real clients and an SFU, and does to their datagrams what a row of the impairment matrix says.
//!
//! `cargo run --bin bridge -- SERVER_ADDRESS [ROW [SEED]]` says its port, and ends with its input. Each client gets a socket
//! of its own towards the server, as behind a NAT; what the row does at a time begins with the client's first datagram.
//!
//! ```text
//! clients ◀─ down links ─┐ ┌─ a socket for each ◀─▶ server
//!    └────── up links ───▶┴─┘
//! ```
#![allow(clippy::print_stdout, reason = "whoever starts it reads where it listens")]

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use netem::Link;
use sfu_sim::impairment::{Profile, ROWS};

/// Sources of datagrams, each with a socket and a thread; what others send is dropped.
const MAX_CLIENTS: usize = 64;
const MAX_DATAGRAM: usize = 65_536;
const IDLE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let server = words.next().ok_or("usage: bridge SERVER_ADDRESS [ROW [SEED]]")?.parse()?;
    let name = words.next().unwrap_or_else(|| "0".to_owned());
    let row = ROWS.iter().find(|row| row.name == name).ok_or("the matrix has no such row")?;
    let seed = words.next().map_or(Ok(1), |text| text.parse())?;
    let public = Arc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?);
    println!("{{\"port\":{}}}", public.local_addr()?.port());
    let (says, heard) = channel();
    let (listener, listens) = (Arc::clone(&public), says.clone());
    thread::spawn(move || read(&listener, &listens, Heard::Client));
    let ends = says.clone();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ends.send(Heard::End);
    });
    Bridge { public, server, profile: row.profile(), seed, began: Instant::now(), clients: Vec::new(), says }
        .run(&heard)
}

/// What a thread has read.
enum Heard {
    Client(SocketAddr, Vec<u8>),
    /// For the client with this place.
    Server(usize, Vec<u8>),
    End,
}

struct Client {
    address: SocketAddr,
    socket: Arc<UdpSocket>,
    up: Link<Vec<u8>>,
    down: Link<Vec<u8>>,
}

struct Bridge {
    public: Arc<UdpSocket>,
    server: SocketAddr,
    profile: Profile,
    seed: u64,
    began: Instant,
    clients: Vec<Client>,
    says: Sender<Heard>,
}

impl Bridge {
    fn run(mut self, heard: &Receiver<Heard>) -> Result<(), Box<dyn Error>> {
        loop {
            let next = heard.recv_timeout(self.time_to_wait());
            let now = self.began.elapsed();
            match next {
                Ok(Heard::Client(address, datagram)) => {
                    if let Some(place) = self.client(address, now)? {
                        self.clients[place].up.send(now, datagram);
                    }
                }
                Ok(Heard::Server(place, datagram)) => self.clients[place].down.send(now, datagram),
                Ok(Heard::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            for client in &mut self.clients {
                // A peer that is gone is an error on its socket, and a datagram lost as on any path.
                while let Some(datagram) = client.up.poll(now) {
                    let _ = client.socket.send(&datagram);
                }
                while let Some(datagram) = client.down.poll(now) {
                    let _ = self.public.send_to(&datagram, client.address);
                }
            }
        }
    }

    fn time_to_wait(&self) -> Duration {
        let links = self.clients.iter().flat_map(|client| [&client.up, &client.down]);
        let next = links.filter_map(Link::poll_timeout).min();
        next.map_or(IDLE, |at| at.saturating_sub(self.began.elapsed()))
    }

    /// The place of a client, who is new perhaps.
    fn client(&mut self, address: SocketAddr, now: Duration) -> io::Result<Option<usize>> {
        let known = self.clients.iter().position(|client| client.address == address);
        if known.is_some() || self.clients.len() == MAX_CLIENTS {
            return Ok(known);
        }
        let place = self.clients.len();
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?);
        socket.connect(self.server)?;
        let (reader, says) = (Arc::clone(&socket), self.says.clone());
        thread::spawn(move || read(&reader, &says, |_, datagram| Heard::Server(place, datagram)));
        let link = |seed| {
            let mut link = Link::new(self.profile.path, seed);
            link.follow(self.profile.changes.iter().map(|&(at, config)| (now + at, config)));
            link
        };
        let seed = self.seed + 2 * place as u64;
        self.clients.push(Client { address, socket, up: link(seed), down: link(seed + 1) });
        Ok(Some(place))
    }
}

/// Reads datagrams until nobody wants them.
fn read(socket: &UdpSocket, says: &Sender<Heard>, heard: impl Fn(SocketAddr, Vec<u8>) -> Heard) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        // On a connected socket a closed port is an error that comes and goes.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        if says.send(heard(from, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}
