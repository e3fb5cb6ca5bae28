//! The answers of cratosd, for the servers that are measured beside it.

use anyhow::Context as _;

use super::cases::CASES;
use super::cratosd::Cratosd;
use crate::bench::static_servers::Files;

pub(super) struct Answers {
    files: Files,
    token: String,
}

impl Answers {
    /// Asks for each answer.
    pub(super) fn collect(daemon: &Cratosd) -> anyhow::Result<Self> {
        let mut files = Files::new()?;
        for case in &CASES {
            if files.heads().any(|(file, _)| file == case.file) {
                continue;
            }
            let answer = daemon.ask(case, "")?;
            files.add(case.file, answer.headers(), &answer.body)?;
            if let Some(tag) = answer.header("etag") {
                let unchanged = daemon.ask(case, &format!("if-none-match: {tag}\r\n"))?;
                files.add_unchanged(case.file, &unchanged.headers())?;
            }
        }
        let token = daemon.tokens().first().cloned().unwrap_or_default();
        Ok(Self { files, token })
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Returns a token: the other servers get the same requests.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the number of headers of the answer with 15 kB.
    pub(super) fn number_of_headers(&self) -> anyhow::Result<usize> {
        Ok(self.files.heads().next().context("no answer")?.1.len())
    }
}
