//! Answers as files: what bare hyper and nginx send.

use std::path::Path;

use crate::bench::directory::Directory;

/// A header with its value.
pub(in crate::bench) type Header = (String, String);

/// A folder with `NAME` for the body of each answer, `NAME.head` for its headers, and `NAME.304` for those of a 304.
pub(in crate::bench) struct Files {
    folder: Directory,
    heads: Vec<(&'static str, Vec<Header>)>,
}

impl Files {
    /// Makes an empty folder.
    pub(in crate::bench) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            folder: Directory::new()?,
            heads: Vec::new(),
        })
    }

    /// Adds an answer.
    pub(in crate::bench) fn add(
        &mut self,
        name: &'static str,
        headers: Vec<Header>,
        body: &[u8],
    ) -> anyhow::Result<()> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, body)?;
        std::fs::write(file.with_extension("head"), lines(&headers))?;
        self.heads.push((name, headers));
        Ok(())
    }

    /// Adds the 304 of an answer.
    pub(in crate::bench) fn add_unchanged(&self, name: &str, headers: &[Header]) -> anyhow::Result<()> {
        std::fs::write(self.path().join(name).with_extension("304"), lines(headers))?;
        Ok(())
    }

    pub(in crate::bench) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the names with the headers of each answer.
    pub(in crate::bench) fn heads(&self) -> impl Iterator<Item = (&'static str, &[Header])> {
        self.heads.iter().map(|(name, headers)| (*name, headers.as_slice()))
    }
}

fn lines(headers: &[Header]) -> String {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}
