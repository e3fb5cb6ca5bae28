//! The stand-in for MISP, as a process.

use std::io::BufReader;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use anyhow::Context as _;

use super::process::{Process, line_of};

pub(crate) struct Misp {
    pub(crate) port: u16,
    pub(crate) key: String,
    _process: Process,
    output: BufReader<ChildStdout>,
}

impl Misp {
    /// Starts the program with these words, on a free port.
    pub(crate) fn start(program: &Path, words: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(words)
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let mut output = BufReader::new(process.child().stdout.take().context("no standard output")?);
        let url = line_of(&mut output)?;
        let key = line_of(&mut output)?;
        let port = url
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .parse()
            .context("no address")?;
        Ok(Self {
            port,
            key,
            _process: process,
            output,
        })
    }

    /// Returns the next line that it prints.
    pub(crate) fn next_line(&mut self) -> anyhow::Result<String> {
        line_of(&mut self.output)
    }
}
