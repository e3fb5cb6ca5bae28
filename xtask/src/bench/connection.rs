//! A connection over HTTP/1.1 that stays open, of a device or of an operator.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// No answer takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Connection(BufReader<TcpStream>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Until the first byte of the answer came.
    pub(crate) first_byte: Duration,
}

impl Answer {
    /// Returns a header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns all headers, with lower-case names.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }

    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

impl Connection {
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::with_capacity(1 << 16, stream)))
    }

    /// Asks once; the body may be empty.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answer> {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
    }

    /// Sends a whole request, and reads the answer.
    pub(crate) fn send(&mut self, request: &str) -> anyhow::Result<Answer> {
        let began = Instant::now();
        self.0.get_mut().write_all(request.as_bytes())?;
        if self.0.fill_buf()?.is_empty() {
            bail!("the connection was closed before an answer");
        }
        let first_byte = began.elapsed();
        let head = self.head()?;
        let mut answer = Answer {
            status: head
                .split_whitespace()
                .nth(1)
                .and_then(|status| status.parse().ok())
                .with_context(|| format!("no status: {head}"))?,
            head,
            body: Vec::new(),
            first_byte,
        };
        answer.body = if answer.header("transfer-encoding").is_some() {
            self.chunks()?
        } else {
            let length = answer.header("content-length").map_or(Ok(0), str::parse)?;
            let is_without_body = request.starts_with("HEAD ") || answer.status == 304;
            self.bytes(if is_without_body { 0 } else { length })?
        };
        Ok(answer)
    }

    fn head(&mut self) -> anyhow::Result<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                bail!("the connection was closed in a head: {head}");
            }
        }
        Ok(head)
    }

    fn bytes(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).context("an answer was cut short")?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).with_context(|| format!("no chunk: {line}"))?;
            body.extend(self.bytes(length)?);
            self.bytes(2)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
}
