//! Server-sent events out of the chunks of an answer that stays open.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// `alive` comes every 15 s.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// An answer that stays open.
pub(super) struct Events {
    stream: TcpStream,
    received: Vec<u8>,
    text: String,
    heard_at: Instant,
    pub(super) status: u16,
}

/// One event of the stream.
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) data: serde_json::Value,
}

impl Events {
    pub(super) fn open(address: &str, path: &str, token: &str, last: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        // Short, so that a listener notices the end of the soak.
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        let last = match last {
            "" => String::new(),
            last => format!("last-event-id: {last}\r\n"),
        };
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: soak\r\ntoken: {token}\r\n{last}\r\n").as_bytes())?;
        let mut events = Self {
            stream,
            received: Vec::new(),
            text: String::new(),
            heard_at: Instant::now(),
            status: 0,
        };
        let end = loop {
            if let Some(end) = place_of(&events.received, b"\r\n\r\n") {
                break end;
            }
            if !events.receive()? {
                bail!("the connection was closed before an answer");
            }
        };
        let head: Vec<u8> = events.received.drain(..end + 4).collect();
        let status = head.split(|byte| *byte == b' ').nth(1).context("no status")?;
        events.status = std::str::from_utf8(status)?.parse()?;
        Ok(events)
    }

    /// Returns the next event if it is there, or came within a fifth of a second; the outer nothing means that the
    /// daemon has ended the stream.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Option<Event>>> {
        if let Some(event) = self.complete_event()? {
            return Ok(Some(Some(event)));
        }
        if !self.receive()? {
            return Ok(None);
        }
        if !self.take_chunks()? {
            return Ok(None);
        }
        Ok(Some(self.complete_event()?))
    }

    /// Reads the bytes that have arrived; false means the end of the connection.
    fn receive(&mut self) -> anyhow::Result<bool> {
        let mut piece = [0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                self.received.extend(piece.iter().take(count));
                self.heard_at = Instant::now();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        if self.heard_at.elapsed() > LONGEST_SILENCE {
            bail!("silent for {LONGEST_SILENCE:?}");
        }
        Ok(true)
    }

    /// Moves whole chunks to the text; false means the last chunk.
    fn take_chunks(&mut self) -> anyhow::Result<bool> {
        while let Some(line) = place_of(&self.received, b"\r\n") {
            let length = std::str::from_utf8(self.received.get(..line).unwrap_or_default())?;
            let length = usize::from_str_radix(length, 16).with_context(|| format!("no chunk: {length}"))?;
            let end = line + 2 + length;
            if length == 0 {
                return Ok(false);
            }
            if self.received.len() < end + 2 {
                break;
            }
            let chunk: Vec<u8> = self.received.drain(..end + 2).skip(line + 2).take(length).collect();
            self.text.push_str(std::str::from_utf8(&chunk)?);
        }
        Ok(true)
    }

    fn complete_event(&mut self) -> anyhow::Result<Option<Event>> {
        let Some(end) = self.text.find("\n\n") else {
            return Ok(None);
        };
        let text: String = self.text.drain(..end + 2).collect();
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let data = match field("data") {
            Some(data) => serde_json::from_str(data)?,
            None => serde_json::Value::Null,
        };
        Ok(Some(Event {
            kind: field("event").unwrap_or_default().to_owned(),
            id: field("id").map(str::to_owned),
            data,
        }))
    }
}

fn place_of(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
