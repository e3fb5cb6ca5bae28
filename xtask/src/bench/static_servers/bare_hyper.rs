//! Bare hyper with the answers of cratosd: the example `bare_hyper` of http-front.

use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::answers::Answers;
use super::cases::Case;
use super::server::{Column, Server, head};
use crate::bench::process::{Process, line_of};

pub(super) struct BareHyper {
    process: Process,
    address: String,
    token: String,
}

impl BareHyper {
    pub(super) fn start(program: &Path, answers: &Answers) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        let mut process = Process::start(command.arg(answers.folder()).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take().context("no standard output")?;
        let address = line_of(&mut BufReader::new(output))?;
        Ok(Self {
            process,
            address,
            token: answers.token().to_owned(),
        })
    }
}

impl Server for BareHyper {
    fn column(&self) -> Column {
        Column::BareHyper
    }

    fn process(&self) -> u32 {
        self.process.id()
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn certificate(&self) -> Option<&Path> {
        None
    }

    fn head(&self, case: &Case) -> anyhow::Result<String> {
        Ok(head(&format!("/{}", case.file), &self.token))
    }
}
