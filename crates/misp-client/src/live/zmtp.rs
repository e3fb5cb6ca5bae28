//! The subscriber's half of ZMTP 3.0 (RFC 23 of ZeroMQ) with the NULL mechanism, over TCP.
//!
//! Ours and not the crate `zeromq`, since that one (0.7.0) reserves the length that the header of a frame claims: nine
//! bytes from the server at MISP's address would end the process. Here a frame is bounded before a byte of it is kept.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Signature, version 3.0, mechanism `NULL`, a client; the rest is filler.
const GREETING: [u8; 64] = {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12] = b'N';
    greeting[13] = b'U';
    greeting[14] = b'L';
    greeting[15] = b'L';
    greeting
};

/// The command `READY` of a subscriber.
const READY: &[u8] = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB";

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Commands of the handshake and heartbeats; longer ones mean nothing to us.
const MAX_COMMAND_BYTES: u64 = 4096;

/// A connection whose handshake is done and that is subscribed to everything.
pub(super) struct Link {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    max_message_bytes: u64,
}

struct Head {
    is_command: bool,
    has_more: bool,
    length: u64,
}

impl Link {
    /// Shakes hands on a fresh connection and subscribes to every topic.
    pub(super) async fn open(stream: TcpStream, max_message_bytes: u64) -> io::Result<Self> {
        let (from, to) = stream.into_split();
        let mut link = Self {
            from: BufReader::new(from),
            to,
            max_message_bytes,
        };
        link.to.write_all(&GREETING).await?;
        let mut greeting = [0; 64];
        link.from.read_exact(&mut greeting).await?;
        check_greeting(&greeting)?;
        link.send(COMMAND, READY).await?;
        let head = link.head().await?;
        let command = link.body(head.length, MAX_COMMAND_BYTES).await?;
        if !head.is_command || !command.starts_with(b"\x05READY") {
            return Err(refused("the other side did not say READY"));
        }
        // One byte of 1 and no prefix: everything.
        link.send(0, b"\x01").await?;
        Ok(link)
    }

    /// Returns the next message whole; commands between are answered or skipped.
    ///
    /// Not to be dropped half way and called again: the bytes that were read are gone with it.
    pub(super) async fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        loop {
            let head = self.head().await?;
            if head.is_command {
                let command = self.body(head.length, MAX_COMMAND_BYTES).await?;
                self.answer(&command).await?;
                continue;
            }
            let room = self.max_message_bytes.saturating_sub(message.len() as u64);
            message.extend(self.body(head.length, room).await?);
            if !head.has_more {
                return Ok(message);
            }
            // MISP sends one frame a message. Parts are put together as it joins topic and text: with a space.
            message.push(b' ');
        }
    }

    /// A `PING` has a time to live of two bytes and a context that the `PONG` repeats (RFC 37).
    async fn answer(&mut self, command: &[u8]) -> io::Result<()> {
        let Some(context) = command.strip_prefix(b"\x04PING").and_then(|rest| rest.get(2..)) else {
            return Ok(());
        };
        self.send(COMMAND, &[b"\x04PONG", context].concat()).await
    }

    async fn head(&mut self) -> io::Result<Head> {
        let flags = self.from.read_u8().await?;
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(refused("a frame has flags that do not exist"));
        }
        let length = if flags & LONG == 0 {
            self.from.read_u8().await?.into()
        } else {
            self.from.read_u64().await?
        };
        Ok(Head {
            is_command: flags & COMMAND != 0,
            has_more: flags & MORE != 0,
            length,
        })
    }

    async fn body(&mut self, length: u64, max_bytes: u64) -> io::Result<Vec<u8>> {
        if length > max_bytes {
            return Err(refused("a message is larger than is taken"));
        }
        // Grows with the bytes that arrive, not with the announced length.
        let mut body = Vec::new();
        let read = (&mut self.from).take(length).read_to_end(&mut body).await?;
        if read as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }

    async fn send(&mut self, flags: u8, body: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(body.len() + 9);
        match u8::try_from(body.len()) {
            Ok(length) => frame.extend([flags, length]),
            Err(_) => {
                frame.push(flags | LONG);
                frame.extend((body.len() as u64).to_be_bytes());
            }
        }
        frame.extend(body);
        self.to.write_all(&frame).await
    }
}

fn check_greeting(greeting: &[u8; 64]) -> io::Result<()> {
    let (signature, rest) = greeting.split_at(10);
    if signature.first() != Some(&0xff) || signature.last() != Some(&0x7f) {
        return Err(refused("the other side does not speak ZeroMQ"));
    }
    if rest.first().is_none_or(|major| *major < 3) {
        return Err(refused("the other side speaks ZeroMQ older than ZMTP 3.0 (libzmq 4.0)"));
    }
    if !rest.get(2..).is_some_and(|mechanism| mechanism.starts_with(b"NULL\0")) {
        return Err(refused(
            "the other side wants authentication, which MISP's publisher has not",
        ));
    }
    Ok(())
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
