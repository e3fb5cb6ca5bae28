//! Two hosts in network namespaces, a cable between them, and packets that go over it.

#![allow(dead_code, reason = "each test program uses its part")]

use std::fs::File;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use test_peers::{program, until};

/// The host's addresses.
pub(crate) const HOST: [&str; 2] = ["203.0.113.1", "3fff:77::1"];

pub(crate) const LISTED_V4: &str = "203.0.113.3";
pub(crate) const LISTED_V6: &str = "3fff:77::3";

/// Packets a second, of each of the four flows.
const RATE: u64 = 1000;

const PORT: u16 = 7007;

/// A machine that is busy with other tests lets a thread wait; no packet may be lost for that.
const BUFFER: usize = 64 << 20;

/// A network namespace; it ends with this value.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, or prints why the test is skipped.
    pub(crate) fn new(word: &str) -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        program("nft")?;
        program("ip")?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cratos-{}-{number}-{word}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output().ok()?;
        if !made.status.success() {
            let must = rustix::process::geteuid().is_root() && std::env::var_os("CI").is_some();
            assert!(!must, "no network namespace: {}", String::from_utf8_lossy(&made.stderr));
            eprintln!("skipped: only root can make network namespaces");
            return None;
        }
        let namespace = Self { name };
        namespace.ip("link set lo up");
        Some(namespace)
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// A command that will run inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Does something in a thread that is inside.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(self.path()).unwrap();
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                work()
            });
            worker.join().unwrap()
        })
    }

    fn ip(&self, words: &str) {
        let output = Command::new("ip")
            .args(["-n", &self.name])
            .args(words.split(' '))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "ip {words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// The host that enforces, and one that sends to it.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) host: Namespace,
    peer: Namespace,
}

impl Pair {
    pub(crate) fn new() -> Option<Self> {
        let (host, peer) = (Namespace::new("host")?, Namespace::new("peer")?);
        host.ip(&format!("link add wire type veth peer name wire netns {}", peer.name));
        let addresses = [
            (&host, vec!["203.0.113.1/24", "3fff:77::1/64"]),
            (
                &peer,
                vec!["203.0.113.2/24", "203.0.113.3/24", "3fff:77::2/64", "3fff:77::3/64"],
            ),
        ];
        for (namespace, addresses) in addresses {
            for address in addresses {
                let more = if address.contains(':') { " nodad" } else { "" };
                namespace.ip(&format!("addr add {address} dev wire{more}"));
            }
            let mac = if std::ptr::eq(namespace, &host) {
                "02:00:00:00:00:01"
            } else {
                "02:00:00:00:00:02"
            };
            namespace.ip(&format!("link set wire address {mac} up"));
        }
        // The neighbours are fixed: a listed source could not answer when the host asks for its hardware address.
        for address in ["203.0.113.1", "3fff:77::1"] {
            peer.ip(&format!(
                "neigh replace {address} lladdr 02:00:00:00:00:01 dev wire nud permanent"
            ));
        }
        for address in ["203.0.113.2", "3fff:77::2"] {
            host.ip(&format!(
                "neigh replace {address} lladdr 02:00:00:00:00:02 dev wire nud permanent"
            ));
        }
        Some(Self { host, peer })
    }

    /// A conversation of the other host's address with the host's, in which nothing is said yet.
    pub(crate) fn begin(&self, from: &str, to: &str) -> UdpSocket {
        let end = |address: &str, port| SocketAddr::new(address.parse().unwrap(), port);
        let socket = self.peer.inside(|| UdpSocket::bind(end(from, 0)).unwrap());
        socket.connect(end(to, 9)).unwrap();
        socket
    }
}

/// The counts of packets.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Unlisted packets that were sent.
    pub(crate) sent: u64,
    /// Unlisted packets to which no answer came.
    pub(crate) lost: u64,
    /// Listed packets that arrived.
    pub(crate) passed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    stop: AtomicBool,
    done: AtomicBool,
    sent: AtomicU64,
    echoed: AtomicU64,
    passed: AtomicU64,
}

/// Packets of both families, from an unlisted and a listed address each, a thousand a second; the host answers all that
/// arrive.
#[derive(Debug)]
pub(crate) struct Traffic {
    counters: Arc<Counters>,
    sender: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(crate) fn start(pair: &Pair) -> Self {
        let counters: Arc<Counters> = Arc::default();
        let mut others = Vec::new();
        let (mut unlisted, mut listed) = (Vec::new(), Vec::new());
        for (host, ours, theirs) in [
            ("203.0.113.1", "203.0.113.2", LISTED_V4),
            ("3fff:77::1", "3fff:77::2", LISTED_V6),
        ] {
            let there = SocketAddr::new(host.parse().unwrap(), PORT);
            let echo = pair.host.inside(|| socket(there));
            let listed_address = theirs.parse().unwrap();
            others.push(spawn(&counters, move |counters| {
                answer(&echo, listed_address, counters)
            }));
            let from = |address: &str| {
                let here = SocketAddr::new(address.parse().unwrap(), 0);
                let socket = pair.peer.inside(|| socket(here));
                socket.connect(there).unwrap();
                socket
            };
            let socket = from(ours);
            let hears = socket.try_clone().unwrap();
            others.push(spawn(&counters, move |counters| hear(&hears, counters)));
            unlisted.push(socket);
            listed.push(from(theirs));
        }
        let sender = spawn(&counters, move |counters| send(&unlisted, &listed, counters));
        Self {
            counters,
            sender,
            others,
        }
    }

    /// Returns how many unlisted packets were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.counters.sent.load(Ordering::Relaxed)
    }

    /// Returns how many listed packets have arrived so far.
    pub(crate) fn passed(&self) -> u64 {
        self.counters.passed.load(Ordering::Relaxed)
    }

    /// Stops sending, waits for the packets on their way, and counts.
    pub(crate) fn stop(self) -> Counted {
        let counters = self.counters;
        counters.stop.store(true, Ordering::Relaxed);
        self.sender.join().unwrap();
        let sent = counters.sent.load(Ordering::Relaxed);
        let echoed = || counters.echoed.load(Ordering::Relaxed);
        // Lost packets never come: then the number stands still.
        let (mut last, mut since) = (0, Instant::now());
        until("the last answers are there", || {
            if echoed() != last {
                (last, since) = (echoed(), Instant::now());
            }
            echoed() == sent || since.elapsed() > Duration::from_secs(10)
        });
        counters.done.store(true, Ordering::Relaxed);
        self.others.into_iter().for_each(|thread| thread.join().unwrap());
        Counted {
            sent,
            lost: sent - echoed(),
            passed: counters.passed.load(Ordering::Relaxed),
        }
    }
}

fn spawn(counters: &Arc<Counters>, work: impl FnOnce(&Counters) + Send + 'static) -> JoinHandle<()> {
    let counters = Arc::clone(counters);
    thread::spawn(move || work(&counters))
}

fn socket(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    set_socket_recv_buffer_size_force(&socket, BUFFER).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

/// Sends as many packets as time has passed, also after the machine was busy with something else.
fn send(unlisted: &[UdpSocket], listed: &[UdpSocket], counters: &Counters) {
    let began = Instant::now();
    let mut rounds = 0;
    while !counters.stop.load(Ordering::Relaxed) {
        let due = u64::try_from(began.elapsed().as_millis()).unwrap() * RATE / 1000;
        for _ in rounds..due {
            for socket in unlisted {
                if socket.send(b"ping").is_ok() {
                    counters.sent.fetch_add(1, Ordering::Relaxed);
                }
            }
            for socket in listed {
                // It goes out into the cable; what becomes of it there is the question.
                let _ = socket.send(b"ping");
            }
        }
        rounds = due;
        thread::sleep(Duration::from_millis(1));
    }
}

fn answer(socket: &UdpSocket, listed: std::net::IpAddr, counters: &Counters) {
    receive(socket, counters, |socket, from| {
        if from.ip() == listed {
            counters.passed.fetch_add(1, Ordering::Relaxed);
            // An answer would wait for a neighbour whose own answers are dropped, and all behind it would be counted
            // late.
            return;
        }
        let _ = socket.send_to(b"pong", from);
    });
}

fn hear(socket: &UdpSocket, counters: &Counters) {
    receive(socket, counters, |_, _| {
        counters.echoed.fetch_add(1, Ordering::Relaxed);
    });
}

fn receive(socket: &UdpSocket, counters: &Counters, mut got: impl FnMut(&UdpSocket, SocketAddr)) {
    let mut buffer = [0; 64];
    while !counters.done.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((_, from)) => got(socket, from),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => panic!("the cable broke: {error}"),
        }
    }
}
