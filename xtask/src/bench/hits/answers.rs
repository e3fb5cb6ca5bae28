//! The answers of cratosd as files, for the servers that are measured beside it.

use std::path::Path;

use anyhow::Context as _;

use super::cases::CASES;
use super::cratosd::Cratosd;
use crate::bench::connection::Answer;
use crate::bench::directory::Directory;

pub(super) struct Answers {
    folder: Directory,
    /// File names with the headers of the answer.
    heads: Vec<(&'static str, Vec<(String, String)>)>,
    token: String,
}

impl Answers {
    /// Asks for each answer, and writes `NAME`, `NAME.head` and `NAME.304` for each.
    pub(super) fn collect(daemon: &Cratosd) -> anyhow::Result<Self> {
        let folder = Directory::new()?;
        let mut heads: Vec<(&'static str, Vec<(String, String)>)> = Vec::new();
        for case in &CASES {
            if heads.iter().any(|(file, _)| *file == case.file) {
                continue;
            }
            let answer = daemon.ask(case, "")?;
            let file = folder.path().join(case.file);
            std::fs::write(&file, &answer.body)?;
            std::fs::write(file.with_extension("head"), lines(&answer))?;
            if let Some(tag) = answer.header("etag") {
                let unchanged = daemon.ask(case, &format!("if-none-match: {tag}\r\n"))?;
                std::fs::write(file.with_extension("304"), lines(&unchanged))?;
            }
            heads.push((case.file, answer.headers()));
        }
        let token = daemon.tokens().first().cloned().unwrap_or_default();
        Ok(Self { folder, heads, token })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the file names with the headers of each answer.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&'static str, &[(String, String)])> {
        self.heads.iter().map(|(file, headers)| (*file, headers.as_slice()))
    }

    /// Returns a token: the other servers get the same requests.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the number of headers of the answer with 15 kB.
    pub(super) fn number_of_headers(&self) -> anyhow::Result<usize> {
        Ok(self.heads.first().context("no answer")?.1.len())
    }
}

fn lines(answer: &Answer) -> String {
    let headers = answer.headers();
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}
