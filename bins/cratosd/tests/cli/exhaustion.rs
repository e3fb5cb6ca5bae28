//! Callers without a token cannot make the daemon take much memory: `cargo xtask attack` in short.
//!
//! Each bound is twice the need on a busy machine, and less than half of the memory that the attack took without a
//! budget.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::support::{Daemon, Installation, get};

/// Longer than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that each connection of HTTP/2 sends, and how many of them are answered.
const REQUESTS: u32 = 128;
const ANSWERED: usize = 100;

/// Returns the resident memory in megabytes.
fn resident(daemon: &Daemon) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1e3
}

/// Opens so many connections that send these bytes.
fn crowd(address: SocketAddr, connections: usize, sends: &[u8]) -> Vec<TcpStream> {
    let opened = (0..connections).map(|_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(sends).unwrap();
        stream
    });
    opened.collect()
}

/// Waits until the daemon serves so many connections.
fn wait_for_connections(address: SocketAddr, count: usize) {
    let began = Instant::now();
    loop {
        let page = get(&format!("http://{address}/metrics"), None).body;
        let open = page.lines().find_map(|line| line.strip_prefix("cratos_connections "));
        if open.is_some_and(|open| open.trim().parse::<usize>().unwrap() >= count) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{open:?} of {count} connections");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads until so many heads of answers have come, or the daemon closes the connection: its address may have too much.
fn read_answers(stream: &mut TcpStream) {
    let mut answers = 0;
    while answers < ANSWERED {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        if stream.read_exact(&mut vec![0; length as usize]).is_err() {
            return;
        }
        answers += usize::from(head[3] == 1);
    }
}

#[test]
fn callers_without_a_token_take_little_memory() {
    http_front::allow_more_files();
    let installation = Installation::new();
    let mut daemon = installation.serve();
    let address = daemon.address();
    wait_for_connections(address, 1);
    let before = resident(&daemon);

    let heads = crowd(address, 600, b"GET / HTTP/1.1\r\nhost: x\r\nx: unfinished");
    wait_for_connections(address, heads.len());
    let taken = resident(&daemon) - before;
    println!("{taken:.1} MB with HTTP/1");
    assert!(taken < 9.0, "600 unfinished heads of HTTP/1 take {taken} MB");
    drop(heads);

    // The window for answers is zero.
    let settings = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let requests = (1..).step_by(2).take(REQUESTS as usize);
    let requests = requests.map(|stream| frame(1, 5, stream, b"\x82\x86\x84\x41\x01x"));
    let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), settings];
    let sends = begin.into_iter().chain(requests).collect::<Vec<_>>().concat();
    let mut readers = crowd(address, 60, &sends);
    readers.iter_mut().for_each(read_answers);
    let taken = resident(&daemon) - before;
    println!("{taken:.1} MB with HTTP/2");
    assert!(
        taken < 70.0,
        "60 connections of HTTP/2 that take no answer take {taken} MB"
    );
    assert_eq!(get(&format!("http://{address}/healthz"), None).status, 200);
}
