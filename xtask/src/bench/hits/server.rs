//! A server that is measured.

use std::path::Path;

use super::cases::Case;
use crate::bench::connection::Connection;

/// A column of the table.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Column {
    Cratosd,
    WithoutLogs,
    BareHyper,
    Nginx,
    NginxWithLog,
}

impl Column {
    pub(super) const ALL: [Self; 5] = [
        Self::Cratosd,
        Self::WithoutLogs,
        Self::BareHyper,
        Self::Nginx,
        Self::NginxWithLog,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cratosd => "cratosd",
            Self::WithoutLogs => "logs off",
            Self::BareHyper => "bare hyper",
            Self::Nginx => "nginx",
            Self::NginxWithLog => "nginx, access log",
        }
    }
}

pub(super) trait Server {
    fn column(&self) -> Column;
    /// Returns the process whose time, and that of its children, counts.
    fn process(&self) -> u32;
    fn address(&self) -> &str;
    /// Returns the certificate with which it speaks TLS.
    fn certificate(&self) -> Option<&Path>;
    /// Returns the request line and the headers for this case, without an entity tag and the empty line.
    fn head(&self, case: &Case) -> anyhow::Result<String>;

    fn is_tls(&self) -> bool {
        self.certificate().is_some()
    }

    /// Returns the whole request, or both.
    fn request(&self, case: &Case) -> anyhow::Result<String> {
        let head = self.head(case)?;
        if case.is_changing {
            return Ok(format!("{head}x-turn: 1\r\n\r\n{head}x-turn: 2\r\n\r\n"));
        }
        if !case.is_conditional {
            return Ok(head + "\r\n");
        }
        let answer = Connection::open(self.address())?.send(&(head.clone() + "\r\n"))?;
        let tag = answer.header("etag").unwrap_or_default();
        Ok(format!("{head}if-none-match: {tag}\r\n\r\n"))
    }
}

/// Returns the request of a device for a path; all servers get the same headers.
pub(super) fn head(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: cratos.example.net\r\nuser-agent: PAN-OS\r\naccept: */*\r\ntoken: {token}\r\n"
    )
}
