//! Many connections at a time, from several addresses of this machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::Context as _;
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size, set_socket_timeout};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::Attack;
use super::target::Target;

/// A connection that is not accepted within this time counts as refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// No more connections are opened once the daemon holds so much, looked at before each so many connections.
const ENOUGH_MEGABYTES: f64 = 3_000.0;
const LOOK_EVERY: usize = 64;

/// Threads that open connections.
const OPENERS: usize = 4;

pub(super) struct Crowd(Vec<TcpStream>);

/// What each connection of a crowd does when it is open.
pub(super) struct Plan<'a> {
    pub(super) connections: usize,
    /// From how many addresses of 127.0.0.0/8 the connections come, in turn.
    pub(super) addresses: u8,
    pub(super) sends: &'a [u8],
    /// The receive buffer in bytes, for readers that take nothing.
    pub(super) receive_buffer: Option<usize>,
}

impl Crowd {
    /// Opens the connections of an attack, with the usual receive buffer. Each sends these bytes.
    pub(super) fn of(target: &Target, attack: &Attack, sends: &[u8]) -> anyhow::Result<Self> {
        let plan = Plan {
            connections: attack.connections,
            addresses: attack.addresses,
            sends,
            receive_buffer: None,
        };
        Self::open(target, &plan)
    }

    /// Opens the connections and sends the first bytes on each, without those that are refused. Ends early when the
    /// daemon has taken so much memory that this machine would suffer.
    pub(super) fn open(target: &Target, plan: &Plan<'_>) -> anyhow::Result<Self> {
        let is_enough = || {
            target
                .resident_megabytes()
                .is_ok_and(|megabytes| megabytes > ENOUGH_MEGABYTES)
        };
        let open = |number: &usize| {
            if number.is_multiple_of(LOOK_EVERY) && is_enough() {
                return None;
            }
            Some(one(target.address, plan, *number).ok())
        };
        let share = plan.connections.div_ceil(OPENERS);
        let all: Vec<usize> = (0..plan.connections).collect();
        let parts: Vec<_> = std::thread::scope(|scope| {
            let openers: Vec<_> = all
                .chunks(share.max(1))
                .map(|numbers| scope.spawn(move || numbers.iter().map_while(open).flatten().collect()))
                .collect();
            openers.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let parts: Option<Vec<Vec<TcpStream>>> = parts.into_iter().map(Result::ok).collect();
        let streams = parts.context("a thread that opens connections panicked")?;
        Ok(Self(streams.into_iter().flatten().collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Sends bytes on every connection; a connection that takes none is skipped.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        for stream in &mut self.0 {
            // The daemon may have closed it.
            let _ = stream.write(bytes);
        }
    }

    /// Reads everything that has arrived, and returns how many connections the daemon has not closed.
    pub(super) fn standing(&mut self) -> usize {
        let mut piece = vec![0; 1 << 16];
        self.0
            .iter_mut()
            .filter_map(|stream| is_open(stream, &mut piece).then_some(()))
            .count()
    }
}

fn one(address: SocketAddrV4, plan: &Plan<'_>, number: usize) -> anyhow::Result<TcpStream> {
    let last = u8::try_from(number % usize::from(plan.addresses.max(1)))?;
    let stream = connect_from(Ipv4Addr::new(127, 66, 0, last + 1), address, plan.receive_buffer)?;
    stream.set_nonblocking(true)?;
    let mut left = plan.sends;
    // The first bytes fit into the buffers of the kernel; what does not fit is not sent.
    while !left.is_empty() {
        match (&stream).write(left) {
            Ok(count) => left = left.get(count..).unwrap_or_default(),
            Err(_) => break,
        }
    }
    Ok(stream)
}

/// Returns a connection from this address of ours.
pub(super) fn connect_from(
    source: Ipv4Addr,
    address: SocketAddrV4,
    receive_buffer: Option<usize>,
) -> anyhow::Result<TcpStream> {
    let fd: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    if let Some(bytes) = receive_buffer {
        set_socket_recv_buffer_size(&fd, bytes)?;
    }
    set_socket_timeout(&fd, Timeout::Send, Some(PATIENCE))?;
    bind(&fd, &SocketAddrV4::new(source, 0))?;
    connect(&fd, &address)?;
    Ok(fd.into())
}

fn is_open(stream: &mut TcpStream, piece: &mut [u8]) -> bool {
    loop {
        match stream.read(piece) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}
