//! The programs that are measured, built in release mode.

use std::path::{Path, PathBuf};

use super::Daemon;
use super::misp::Misp;
use crate::cargo;

pub(crate) struct Programs {
    release: PathBuf,
}

impl Programs {
    /// Builds the programs, unless the variable `CRATOS_PROGRAMS` names a folder with `cratosd` and `examples/serve`,
    /// for example those of an older version.
    pub(crate) fn build() -> anyhow::Result<Self> {
        if let Some(folder) = std::env::var_os("CRATOS_PROGRAMS") {
            return Ok(Self { release: folder.into() });
        }
        cargo::run(&mut cargo::cargo(&["build", "--release", "--bin", "cratosd"]))?;
        cargo::run(&mut cargo::cargo(&[
            "build",
            "--release",
            "-p",
            "cratos-misp-sim",
            "--example",
            "serve",
        ]))?;
        Ok(Self {
            release: cargo::target_dir()?.join("release"),
        })
    }

    /// Returns the path of the daemon.
    pub(crate) fn cratosd(&self) -> PathBuf {
        self.release.join("cratosd")
    }

    /// Returns the path of the stand-in for MISP.
    pub(crate) fn stand_in(&self) -> PathBuf {
        self.release.join("examples/serve")
    }

    /// Starts a stand-in with so many domains in the feed `block`.
    pub(crate) fn misp(&self, attributes: usize) -> anyhow::Result<Misp> {
        let count = attributes.to_string();
        let words = ["--bulk", &count, "--type", "domain", "--feed", "block"];
        Misp::start(Path::new(&self.stand_in()), &words)
    }

    /// Starts a daemon, and has a token made with these further options.
    pub(crate) fn daemon(&self, misp: &Misp, token: &[&str]) -> anyhow::Result<Daemon> {
        Daemon::start(&self.cratosd(), misp, token)
    }
}
