//! A client for the tests, as plain as can be: one request a connection, everything read to the end.

#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ended where the headers said.
    pub(crate) complete: bool,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns one field of every attribute.
    pub(crate) fn column(&self, field: &str) -> Vec<String> {
        let json = self.json();
        let rows = json["response"]["Attribute"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| {
                row[field]
                    .as_str()
                    .map_or_else(|| row[field].to_string(), str::to_owned)
            })
            .collect()
    }
}

/// Sends a request and reads the answer; `None` when there was none.
pub(crate) fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Got> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut raw = Vec::new();
    let _cut_off_connections_end_in_an_error = stream.read_to_end(&mut raw);
    parse(&raw, method == "HEAD")
}

/// Sends a search with a key and reads the answer.
pub(crate) fn search(to: SocketAddr, key: &str, body: &str) -> Got {
    let headers = [
        ("Host", "misp.example.net"),
        ("Authorization", key),
        ("Accept", "application/json"),
        ("Content-Type", "application/json"),
    ];
    send(to, "POST", "/attributes/restSearch", &headers, body.as_bytes()).unwrap()
}

fn parse(mut raw: &[u8], head_only: bool) -> Option<Got> {
    loop {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let rest = &raw[end + 4..];
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        if status == 100 {
            raw = rest;
            continue;
        }
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let value = |wanted: &str| {
            headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.as_str())
        };
        let (body, complete) = if value("transfer-encoding") == Some("chunked") {
            unchunk(rest)
        } else {
            let length: Option<usize> = value("content-length").and_then(|length| length.parse().ok());
            (
                rest.to_vec(),
                head_only || length.is_none_or(|length| length == rest.len()),
            )
        };
        return Some(Got {
            status,
            headers,
            body,
            complete,
        });
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let Ok(size) = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap_or("x"), 16) else {
            break;
        };
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else {
            break;
        };
        if size == 0 {
            return (body, true);
        }
        body.extend_from_slice(chunk);
        rest = &rest[(end + 2 + size + 2).min(rest.len())..];
    }
    (body, false)
}

/// Posts JSON with a key and reads the answer.
pub(crate) fn post(to: SocketAddr, key: &str, path: &str, body: &str) -> Got {
    let headers = [
        ("Host", "misp.example.net"),
        ("Authorization", key),
        ("Accept", "application/json"),
        ("Content-Type", "application/json"),
    ];
    send(to, "POST", path, &headers, body.as_bytes()).unwrap()
}
