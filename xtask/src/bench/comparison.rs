//! The fastest reading of MISP's answers by parsers that are no part of cratosd.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::connection::Connection;
use super::directory::Directory;
use super::misp::Misp;
use crate::cargo;

/// An answer up to this size is not a page: it has one row, or none.
const SMALL_ANSWER_BYTES: u64 = 10_000;

/// The program that reads JSON with other parsers.
pub(super) struct Comparison {
    program: PathBuf,
    directory: Directory,
}

impl Comparison {
    /// Builds it; it is a workspace of its own.
    pub(super) fn build() -> anyhow::Result<Self> {
        let manifest = "crates/misp-client/comparison/Cargo.toml";
        let target = cargo::target_dir()?;
        let mut command = cargo::cargo(&["build", "--release", "--manifest-path", manifest]);
        cargo::run(command.env("CARGO_TARGET_DIR", &target))?;
        Ok(Self {
            program: target.join("release/misp-client-comparison"),
            directory: Directory::new()?,
        })
    }

    /// Asks the stand-in again what the daemons asked last, and returns the seconds of the fastest parser for its
    /// answers.
    pub(super) fn fastest(&self, misp: &Misp, control: &str) -> anyhow::Result<f64> {
        let file = self.directory.path().join("pages");
        self.save_pages(misp, control, &file)?;
        let printed = cargo::output_of(Command::new(&self.program).arg(&file))?;
        let seconds = printed.lines().find_map(|line| line.strip_prefix("fastest: "));
        let seconds = seconds.with_context(|| format!("no time in {printed}"))?;
        Ok(seconds.trim_end_matches(" s").parse()?)
    }

    fn save_pages(&self, misp: &Misp, control: &str, file: &Path) -> anyhow::Result<()> {
        let control = control.trim_start_matches("http://");
        let asked = Connection::open(control)?
            .ask("GET", "/sim/requests", &[], "")?
            .json()?;
        let mut searches: Vec<String> = Vec::new();
        for request in asked.as_array().context("no list of requests")? {
            let body = request["body"].to_string();
            let is_page = request["path"] == "/attributes/restSearch"
                && request["answer_bytes"].as_u64() > Some(SMALL_ANSWER_BYTES);
            if is_page && !searches.contains(&body) {
                searches.push(body);
            }
        }
        let mut pages = File::create(file)?;
        let mut connection = Connection::open(&format!("127.0.0.1:{}", misp.port))?;
        let headers = [
            ("authorization", misp.key.as_str()),
            ("content-type", "application/json"),
        ];
        for search in searches {
            let answer = connection.ask("POST", "/attributes/restSearch", &headers, &search)?;
            pages.write_all(&answer.body)?;
        }
        Ok(())
    }
}
