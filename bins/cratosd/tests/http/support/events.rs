//! Reading server-sent events.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long anything may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of events over a connection of its own.
pub(crate) struct Events {
    from: BufReader<Box<dyn AsyncRead + Unpin + Send>>,
    /// What of the body's chunk is read already.
    text: String,
    pub(crate) status: StatusCode,
    pub(crate) head: String,
}

/// One event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Event {
    pub(crate) fn values(&self) -> Vec<&str> {
        self.data["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_str().unwrap())
            .collect()
    }
}

impl Events {
    pub(crate) async fn open(to: SocketAddr, target: &str, token: &str, last: Option<&str>) -> Self {
        Self::open_over(TcpStream::connect(to).await.unwrap(), target, token, last).await
    }

    pub(crate) async fn open_over(
        mut stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        target: &str,
        token: &str,
        last: Option<&str>,
    ) -> Self {
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\ntoken: {token}\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut from = BufReader::new(Box::new(stream) as Box<dyn AsyncRead + Unpin + Send>);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let line = tokio::time::timeout(PATIENCE, from.read_line(&mut head)).await;
            assert!(line.unwrap().unwrap() > 0, "{head}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            from,
            text: String::new(),
            status,
            head: head.to_ascii_lowercase(),
        }
    }

    /// Waits for the next event. Returns `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.unwrap()
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = parse(event);
                self.text = rest.to_owned();
                if !event.name.is_empty() {
                    return Some(event);
                }
            }
            let mut size = String::new();
            if self.from.read_line(&mut size).await.ok()? == 0 {
                return None;
            }
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.from.read_exact(&mut chunk).await.unwrap();
            if size == 0 {
                return None;
            }
            self.text += std::str::from_utf8(&chunk[..size]).unwrap();
        }
    }
}

fn parse(text: &str) -> Event {
    let mut event = Event::default();
    for line in text.lines() {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            "retry" => {}
            _ => panic!("{line}"),
        }
    }
    event
}
