//! Stand-ins for DefectDojo and cratosd's look-up, and a configuration in a folder of its own.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "each test program uses its part; a test that cannot go on has failed"
)]

pub(crate) mod cratos;
pub(crate) mod dojo;
pub(crate) mod http;

use std::path::PathBuf;
use std::time::Duration;

use defectdojo::{Config, Correlation, Mode, RunError, Step, Summary, Timing};

pub(crate) use cratos::Cratos;
pub(crate) use dojo::{Dojo, Row};
pub(crate) use http::Fault;

/// A folder with a configuration and the secrets.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) dojo: String,
    pub(crate) cratos: String,
    pub(crate) more: String,
}

impl Host {
    pub(crate) fn new(dojo: &Dojo, cratos: &Cratos) -> Self {
        Self::at(dojo.url(), cratos.url())
    }

    pub(crate) fn at(dojo: String, cratos: String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), format!("{}\n", dojo::KEY)).unwrap();
        std::fs::write(dir.path().join("token"), format!("{}\n", cratos::TOKEN)).unwrap();
        Self {
            dir,
            dojo,
            cratos,
            more: "timeout: 5s\n".to_owned(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration and returns where it is.
    pub(crate) fn config_file(&self) -> PathBuf {
        let path = self.path("defectdojo.yaml");
        let folder = self.dir.path().display();
        let text = format!(
            "defectdojo: {}\ndefectdojo_key_file: {folder}/key\nserver: {}\ntoken_file: {folder}/token\nstate_dir: {folder}/state\nmetrics_file: {folder}/dojo.prom\n{}",
            self.dojo, self.cratos, self.more
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs once, with hardly any pause after faults.
    pub(crate) async fn run(&self, mode: Mode) -> (Result<Summary, RunError>, Vec<Step>) {
        let config = Config::read(&self.config_file()).unwrap();
        let timing = Timing::new(config.timeout).retry_pause(Duration::from_millis(1));
        let correlation = Correlation::with_timing(&config, timing).unwrap();
        let mut steps = Vec::new();
        let outcome = correlation.run(mode, &mut |step| steps.push(step.clone())).await;
        (outcome, steps)
    }

    pub(crate) async fn apply(&self) -> Summary {
        self.run(Mode::Apply).await.0.unwrap()
    }
}
