//! The files of one daemon: configuration, token, state; they outlive the process.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::directory::Directory;
use super::misp::Misp;
use super::process::{Process, line_of};
use crate::cargo;

pub(crate) struct Installation {
    program: PathBuf,
    directory: Directory,
    pub(crate) token: String,
}

impl Installation {
    /// Makes a configuration with the site 127.0.0.1, and a token for this MISP with these further options.
    pub(crate) fn new(program: &Path, misp: &Misp, options: &[&str]) -> anyhow::Result<Self> {
        let mut installation = Self {
            program: program.to_owned(),
            directory: Directory::new()?,
            token: String::new(),
        };
        let at = installation.path().to_string_lossy().into_owned();
        cargo::output_of(&mut installation.command(&["init", &at, "--site", "127.0.0.1", "--tag", "example"]))?;
        std::fs::write(installation.path().join("misp.key"), &misp.key)?;
        installation.lift_limits()?;
        installation.token = installation.mint(misp.port, options)?;
        Ok(installation)
    }

    /// Returns a new token for the MISP at this port, with the key in `misp.key` and these further options.
    pub(crate) fn mint(&self, port: u16, options: &[&str]) -> anyhow::Result<String> {
        let port = port.to_string();
        let mint = [
            "token",
            "mint",
            "--site",
            "127.0.0.1",
            "--proto",
            "http",
            "--port",
            &port,
        ];
        let rest = ["--auth-key-file", "misp.key", "--expires", "2099-12-31"];
        let token = cargo::output_of(&mut self.command(&[&mint[..], &rest[..], options].concat()))?;
        Ok(token.trim().to_owned())
    }

    /// A benchmark asks more with one token than any device.
    fn lift_limits(&self) -> anyhow::Result<()> {
        let limits = "\ntoken_limits: { per_second: 1000000, burst: 1000000, at_once: 100000 }\n";
        self.change("config/config.yaml", |text| text + limits)
    }

    /// Changes a file of the configuration.
    pub(crate) fn change(&self, file: &str, change: impl FnOnce(String) -> String) -> anyhow::Result<()> {
        let file = self.path().join(file);
        let text = std::fs::read_to_string(&file)?;
        Ok(std::fs::write(&file, change(text))?)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns `cratosd` with these words, in the folder of the configuration.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(self.path()).env("RUST_LOG", "info");
        command
    }

    /// Runs `cratosd serve` from this command; returns the process and its address once it listens.
    pub(crate) fn serve(command: &mut Command) -> anyhow::Result<(Process, String)> {
        command.stderr(Stdio::piped());
        let mut process = Process::start(command)?;
        let mut output = BufReader::new(process.child().stderr.take().context("no standard error")?);
        let address = loop {
            let line = line_of(&mut output)?;
            if line.contains("listening on http")
                && let Some((_, rest)) = line.split_once("://")
            {
                break rest
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                    .collect();
            }
        };
        // The bench reads the log as a journal does, so that logging has its real cost.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok((process, address))
    }
}
