//! A folder of our own below the system's one for temporary files; gone afterwards.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let free = (0..1_000).map(|n| std::env::temp_dir().join(format!("cratos-bench-{}-{n}", std::process::id())));
        let path = free
            .into_iter()
            .find(|path| std::fs::create_dir(path).is_ok())
            .context("no folder for temporary files")?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary folder does not fail the bench.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
