//! A daemon that is asked for one feed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::installation::Installation;
use super::misp::Misp;
use super::process::Process;
use super::processor_time::ProcessorTime;

pub(crate) struct Daemon {
    pub(crate) address: String,
    pub(crate) token: String,
    process: Process,
    _installation: Installation,
}

pub(crate) struct Fetched {
    pub(crate) took: Duration,
    pub(crate) bytes: usize,
}

impl Daemon {
    pub(crate) fn start(program: &Path, misp: &Misp, options: &[&str]) -> anyhow::Result<Self> {
        let installation = Installation::new(program, misp, options)?;
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        let (process, address) = Installation::serve(&mut command)?;
        Ok(Self {
            address,
            token: installation.token.clone(),
            process,
            _installation: installation,
        })
    }

    /// Asks for the feed of domains; the time is from before the connection until the last byte.
    pub(crate) fn fetch(&mut self) -> anyhow::Result<Fetched> {
        self.fetch_type("domain")
    }

    /// Asks for the feed of this indicator type.
    pub(crate) fn fetch_type(&mut self, kind: &str) -> anyhow::Result<Fetched> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET /v1/feed/block/type/{kind}/age/1w/output/txt HTTP/1.1\r\nhost: bench\r\ntoken: {}\r\nconnection: close\r\n\r\n",
            self.token
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let took = began.elapsed();
        if !answer.starts_with(b"HTTP/1.1 200") {
            let head: Vec<u8> = answer.into_iter().take(400).collect();
            bail!("the daemon answered {}", String::from_utf8_lossy(&head));
        }
        Ok(Fetched {
            took,
            bytes: answer.len(),
        })
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    pub(crate) fn processor_time(&self) -> anyhow::Result<ProcessorTime> {
        self.process.processor_time()
    }

    pub(crate) fn peak_resident_bytes(&self) -> anyhow::Result<u64> {
        self.process.peak_resident_bytes()
    }
}
