//! A first configuration: the example files, with the values of one installation in place of the examples.

mod template;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use self::template::{MissingKey, Template};
use crate::{Paths, SiteName};

const CORE: &str = include_str!("../first-files/config.yaml");
const MAPPINGS: &str = include_str!("../first-files/mappings.yaml");
const SITE: &str = include_str!("../first-files/site.yaml");

/// The header in the place of the example's, which says how to copy it.
const CORE_HEADER: &[&str] = &[
    "# Settings of the whole daemon, written by `cratosd init`. It holds the secrets that open every token: keep it to yourself.",
    "# Every key that there is stands here; a key in a comment shows its default or an example. `cratosd check` reads",
    "# everything and reports each problem with line and column.",
];

/// The values of a first configuration.
#[derive(Debug)]
pub struct FirstValues<'a> {
    /// `encryption_key` of the core file.
    pub encryption_key: &'a SecretString,
    /// `salt` of the core file.
    pub salt: &'a SecretString,
    /// The first site; its file is named after it.
    pub site: &'a SiteName,
    /// `tag` of the site file.
    pub tag: &'a str,
    /// `allowed_ips` of the site file. Without any, only the machine itself may connect.
    pub allowed_ips: &'a [IpNet],
}

/// The files of a first configuration, not yet written.
#[derive(Debug)]
pub struct FirstFiles(Vec<(PathBuf, Zeroizing<String>)>);

/// Why a first configuration cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstFilesError {
    /// The built-in example lacks a key.
    #[error("the built-in example has no `{0}`; this is a defect of cratosd")]
    MissingKey(&'static str),
    /// A file with the name of a new one exists.
    #[error("{} exists already: no file was written; choose another directory", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written; those written before it are removed.
    #[error("cannot write {}", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
}

impl From<MissingKey> for FirstFilesError {
    fn from(MissingKey(key): MissingKey) -> Self {
        Self::MissingKey(key)
    }
}

impl FirstFiles {
    /// Fills the example files with these values. Comments stay.
    ///
    /// # Errors
    /// [`FirstFilesError::MissingKey`].
    pub fn new(values: &FirstValues<'_>) -> Result<Self, FirstFilesError> {
        let core = Template::new(CORE)
            .header(CORE_HEADER)
            .text("encryption_key", values.encryption_key.expose_secret())
            .text("salt", values.salt.expose_secret())
            .yes_no("accept_legacy_tokens", false);
        let loopback = ["127.0.0.0/8".to_owned(), "::1".to_owned()];
        let networks = if values.allowed_ips.is_empty() {
            loopback.to_vec()
        } else {
            values.allowed_ips.iter().map(ToString::to_string).collect()
        };
        let site = Template::new(SITE)
            .text("company", "")
            .text("tag", values.tag)
            .list("allowed_ips", &networks);
        let site_file = format!("{}.yaml", values.site);
        Ok(Self(vec![
            (Path::new("config").join("config.yaml"), core.finish()?),
            (
                Path::new("config").join("mappings.yaml"),
                Zeroizing::new(MAPPINGS.to_owned()),
            ),
            (Path::new("sites").join(site_file), site.finish()?),
        ]))
    }

    /// Returns the path of each file, relative to the directory.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// Returns where these files are once they are written below `directory`.
    #[must_use]
    pub fn paths(directory: &Path) -> Paths {
        Paths {
            config: directory.join("config").join("config.yaml"),
            mappings: directory.join("config").join("mappings.yaml"),
            sites: directory.join("sites"),
        }
    }

    /// Writes all files below `directory`, readable by the owner only. After an error, no new file is left.
    ///
    /// # Errors
    /// [`FirstFilesError::Exists`] or [`FirstFilesError::Unwritable`].
    pub fn write(&self, directory: &Path) -> Result<(), FirstFilesError> {
        let targets: Vec<_> = self.0.iter().map(|(path, text)| (directory.join(path), text)).collect();
        if let Some((there, _)) = targets.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
            return Err(FirstFilesError::Exists(there.clone()));
        }
        let mut written: Vec<&Path> = Vec::new();
        for (path, text) in &targets {
            if let Err(error) = write_one(path, text) {
                for path in written {
                    let _ = fs::remove_file(path);
                }
                return Err(FirstFilesError::Unwritable(path.clone(), error));
            }
            written.push(path);
        }
        Ok(())
    }
}

fn write_one(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let whole = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // Half a file would be in the way of the next attempt.
    whole.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
