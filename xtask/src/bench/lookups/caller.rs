//! A caller that looks values up on one connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::bail;

use super::Target;

pub(super) struct Caller {
    stream: BufReader<TcpStream>,
    token: String,
    file: Option<String>,
}

impl Caller {
    pub(super) fn connect(target: Target<'_>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            token: target.token.to_owned(),
            file: target.file.map(str::to_owned),
        })
    }

    /// Asks for each of the names, and then reads all answers.
    pub(super) fn ask(&mut self, names: &[String]) -> anyhow::Result<()> {
        let mut requests = String::new();
        for name in names {
            let path = self.file.clone().unwrap_or_else(|| format!("/v1/lookup/{name}"));
            let (token, end) = (&self.token, "\r\n\r\n");
            requests.push_str(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\ntoken: {token}{end}"));
        }
        self.stream.get_mut().write_all(requests.as_bytes())?;
        names.iter().try_for_each(|_| self.answer().map(drop))
    }

    /// Asks for all names in one question.
    pub(super) fn ask_together(&mut self, names: &[String]) -> anyhow::Result<()> {
        let body = format!("{{\"values\":[\"{}\"]}}", names.join("\",\""));
        let head = format!(
            "POST /v1/lookup HTTP/1.1\r\nhost: bench\r\ntoken: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all((head + &body).as_bytes())?;
        self.answer().map(drop)
    }

    fn answer(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut length = 0;
        let mut line = String::new();
        let mut is_first = true;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if std::mem::take(&mut is_first) && !line.starts_with("HTTP/1.1 200") {
                bail!("the server answered {line}");
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    /// Returns some values that are listed.
    pub(super) fn some_values(&mut self) -> anyhow::Result<Vec<String>> {
        let request = format!(
            "GET /v1/feed/block/type/domain/age/1w/output/txt HTTP/1.1\r\nhost: bench\r\ntoken: {}\r\n\r\n",
            self.token
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let body = self.answer()?;
        let text = String::from_utf8(body)?;
        Ok(text.lines().step_by(97).take(10_000).map(str::to_owned).collect())
    }
}
