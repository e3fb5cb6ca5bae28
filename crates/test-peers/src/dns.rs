//! Questions to a resolver, and the server above it.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped has failed the test")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

/// The response code for a name that does not exist.
pub const NXDOMAIN: u8 = 3;

/// The question for IPv4 addresses, in class IN.
const ADDRESS_IN: [u8; 4] = [0, 1, 0, 1];

/// How long a resolver may take for an answer, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: usize = 4;

/// An answer to the question for the IPv4 addresses of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The response code; 0 is success.
    pub code: u8,
    /// The last address of the answer.
    pub address: Option<Ipv4Addr>,
}

/// Starts an upstream server for a resolver: every name has one address, `ten…` in 10.0.0.0/8. Returns its port; it
/// ends with the test.
///
/// # Panics
/// If no port is free.
#[must_use]
pub fn upstream() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let query = &query[..length];
            // The question ends four bytes behind the empty label; the rest (EDNS) is ignored.
            let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let address = if query[13..].starts_with(b"ten") {
                [10, 9, 9, 9]
            } else {
                [192, 0, 2, 77]
            };
            let answers = u8::from(query[..end].ends_with(&ADDRESS_IN));
            let head = [query[0], query[1], 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0];
            let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4];
            let mut message = [&head[..], &query[12..end]].concat();
            if answers > 0 {
                message.extend([&answer[..], &address].concat());
            }
            let _ = socket.send_to(&message, from);
        }
    });
    port
}

/// Asks for the IPv4 addresses of a name, over UDP.
///
/// # Panics
/// If the resolver at this port of 127.0.0.1 does not answer.
#[must_use]
pub fn ask(port: u16, name: &str) -> Answer {
    let question = question(name);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut message = [0; 4096];
    // A resolver that is busy may drop a question.
    let received = (0..TRIES).find_map(|_| {
        socket.send(&question).ok()?;
        socket.recv(&mut message).ok()
    });
    read(&message[..received.unwrap()])
}

/// Asks for the IPv4 addresses of a name, over TCP. Returns `None` if the resolver closes the connection without an
/// answer.
///
/// # Panics
/// If nothing listens at this port of 127.0.0.1.
#[must_use]
pub fn ask_over_tcp(port: u16, name: &str) -> Option<Answer> {
    let question = question(name);
    let length = u16::try_from(question.len()).unwrap().to_be_bytes();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(&[&length[..], &question].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message).ok()?;
    Some(read(&message))
}

fn question(name: &str) -> Vec<u8> {
    let mut question = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.bytes());
    }
    question.push(0);
    question.extend(ADDRESS_IN);
    question
}

fn read(message: &[u8]) -> Answer {
    let has_answer = message[6..8] != [0, 0];
    // An address is the end of a short answer, unless EDNS or an authority follows.
    let record = message
        .windows(6)
        .rposition(|bytes| bytes[..2] == [0, 4])
        .filter(|_| has_answer);
    Answer {
        code: message[3] & 0xf,
        address: record.map(|place| {
            let address: [u8; 4] = message[place + 2..place + 6].try_into().unwrap();
            address.into()
        }),
    }
}

/// Asks for a name and returns the response code.
///
/// # Panics
/// As [`ask`].
#[must_use]
pub fn response_code(port: u16, name: &str) -> u8 {
    ask(port, name).code
}
