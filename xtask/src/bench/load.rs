//! The load generator, as a process: the example `load` of http-front.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Connections that stay open.
pub(super) const CONNECTIONS: usize = 8;

/// How long one run asks. Many short runs in turn suffer less from other work on the machine than few long ones.
pub(super) const SECONDS: f64 = 0.4;

pub(super) struct Load {
    program: PathBuf,
}

/// What the callers saw in one run.
pub(super) struct Seen {
    pub(super) requests: f64,
    pub(super) seconds: f64,
    /// Within which 99 % of the answers came.
    pub(super) p99_milliseconds: f64,
    pub(super) status: f64,
}

impl Load {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Sends this request again and again; with a certificate over TLS.
    pub(super) fn run(&self, address: &str, request: &str, certificate: Option<&Path>) -> anyhow::Result<Seen> {
        let mut command = Command::new(&self.program);
        command.args([address, &SECONDS.to_string(), &CONNECTIONS.to_string()]);
        command.args(certificate).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        let mut input = child.stdin.take().context("no standard input")?;
        input.write_all(request.as_bytes())?;
        drop(input);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("the load on {address} failed");
        }
        Seen::parse(&String::from_utf8_lossy(&output.stdout))
    }
}

impl Seen {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let figure = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            let value = lines.filter(|(known, _)| *known == name).map(|(_, value)| value).next();
            let value = value.with_context(|| format!("no {name} in {text}"))?;
            anyhow::Ok(value.parse::<f64>()?)
        };
        Ok(Self {
            requests: figure("requests")?,
            seconds: figure("seconds")?,
            p99_milliseconds: figure("p99_ms")?,
            status: figure("status")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_run_are_read() {
        let seen = Seen::parse("requests 1200\nseconds 1.500000\nmedian_ms 0.2\np99_ms 0.9\nstatus 304\n").unwrap();
        assert_eq!((seen.requests, seen.seconds, seen.status), (1200.0, 1.5, 304.0));
        assert!(Seen::parse("requests 1200\n").is_err());
    }
}
