//! The programs that are measured.

use std::path::{Path, PathBuf};

use super::Daemon;
use super::misp::Misp;
use crate::cargo;

pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them in release mode, unless the variable `CRATOS_PROGRAMS` names a folder with `cratosd` and
    /// `examples/serve` (beside [static servers](super::static_servers) also `examples/bare_hyper` and
    /// `examples/load`), for example those of an older version.
    pub(crate) fn build() -> anyhow::Result<Self> {
        if let Some(folder) = std::env::var_os("CRATOS_PROGRAMS") {
            return Ok(Self { folder: folder.into() });
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
            folder: cargo::target_dir()?.join("release"),
        })
    }

    /// Builds those, bare hyper, and the load.
    pub(crate) fn build_with_static_servers() -> anyhow::Result<Self> {
        let programs = Self::build()?;
        if std::env::var_os("CRATOS_PROGRAMS").is_none() {
            let examples = ["--example", "bare_hyper", "--example", "load"];
            let package = ["build", "--release", "-p", "cratos-http-front"];
            cargo::run(&mut cargo::cargo(&[&package[..], &examples].concat()))?;
        }
        Ok(programs)
    }

    /// Returns the programs that `cargo xtask test` builds, which are there already in CI.
    pub(crate) fn of_tests() -> anyhow::Result<Self> {
        cargo::run(&mut cargo::cargo(&[
            "test",
            "--workspace",
            "--all-features",
            "--no-run",
        ]))?;
        Ok(Self {
            folder: cargo::target_dir()?.join("debug"),
        })
    }

    /// Returns the path of the daemon.
    pub(crate) fn cratosd(&self) -> PathBuf {
        self.folder.join("cratosd")
    }

    /// Returns the path of the stand-in for MISP.
    pub(crate) fn stand_in(&self) -> PathBuf {
        self.example("serve")
    }

    /// Returns the path of an example.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.folder.join("examples").join(name)
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
