//! Bare hyper: the example `bare_hyper` of http-front.

use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::files::Files;
use crate::bench::process::{Process, line_of};

pub(in crate::bench) struct BareHyper {
    process: Process,
    address: String,
}

impl BareHyper {
    /// Starts it, and returns it when it listens.
    pub(in crate::bench) fn start(program: &Path, files: &Files) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        let mut process = Process::start(command.arg(files.path()).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take().context("no standard output")?;
        let address = line_of(&mut BufReader::new(output))?;
        Ok(Self { process, address })
    }

    pub(in crate::bench) fn process(&self) -> &Process {
        &self.process
    }

    pub(in crate::bench) fn address(&self) -> &str {
        &self.address
    }
}
