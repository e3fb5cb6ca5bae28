//! The behaviour of the crate with files, seen from outside: one binary, one module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail where it stands, in its helpers too"
)]

mod differences;
mod examples;
mod meaning;
mod problems;
mod reload;
mod secrets;
mod shared_cache;
#[cfg(feature = "watch")]
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use site_config::{Loaded, Paths, Problem, load};
use tempfile::TempDir;

/// A key of the right length, for tests only.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// A salt of the right length, for tests only.
pub(crate) const SALT: &str = "0123456789abcdef0123456789abcdef";

/// An installation in a directory of its own.
pub(crate) struct Files {
    dir: TempDir,
}

impl Files {
    /// Good files with one site, `misp.example.net`.
    pub(crate) fn good() -> Self {
        let files = Self {
            dir: TempDir::new().unwrap(),
        };
        fs::create_dir(files.path("config")).unwrap();
        fs::create_dir(files.path("sites")).unwrap();
        files.write("config/config.yaml", core(""));
        files.write("config/mappings.yaml", "types: {}\n");
        files.write("sites/misp.example.net.yaml", site(""));
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn paths(&self) -> Paths {
        Paths {
            config: self.path("config/config.yaml"),
            mappings: self.path("config/mappings.yaml"),
            sites: self.path("sites"),
        }
    }

    pub(crate) fn load(&self) -> Loaded {
        load(&self.paths()).unwrap_or_else(|problems| panic!("{}", self.lines(&problems)))
    }

    /// One line per item, without the name of the temporary directory.
    pub(crate) fn lines<T: ToString>(&self, items: &[T]) -> String {
        let prefix = format!("{}/", self.dir.path().display());
        let line = |item: &T| item.to_string().replace(&prefix, "");
        items.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Every problem of every file.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        match load(&self.paths()) {
            Ok(loaded) => loaded.problems().cloned().collect(),
            Err(problems) => problems.into(),
        }
    }

    /// Loads good files, in which the site has these keys too.
    pub(crate) fn with_site(keys: &str) -> Self {
        let files = Self::good();
        files.write("sites/misp.example.net.yaml", site(keys));
        files
    }

    /// Loads good files, in which the core file has these keys too.
    pub(crate) fn with_core(keys: &str) -> Self {
        let files = Self::good();
        files.write("config/config.yaml", core(keys));
        files
    }
}

/// A core file with the secrets and these keys.
pub(crate) fn core(keys: &str) -> String {
    format!("encryption_key: \"{KEY}\"\nsalt: \"{SALT}\"\n{keys}")
}

/// A site file with a tag, a network and these keys.
pub(crate) fn site(keys: &str) -> String {
    format!("tag: example\nallowed_ips: [192.0.2.0/24]\n{keys}")
}

/// A directory of this crate's test data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A directory of the repository.
pub(crate) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}
