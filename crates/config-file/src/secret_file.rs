//! A secret in a file of its own. It is read for every request, so it can change without a restart.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Section, text_file, value};

/// The largest file, in bytes. Tokens and keys that go into a header are shorter.
const MAX_BYTES: u64 = 4096;

/// A file that holds a secret and nothing else.
#[derive(Clone, Debug)]
pub struct SecretFile {
    path: PathBuf,
}

impl SecretFile {
    /// Names the file; it is read when the secret is needed.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads the key `name` of a configuration, which names the file. Without it the secret is the systemd credential
    /// `credential` in the folder `credentials`, if systemd gave one. If there is neither, that is reported. A file
    /// that every user may read is a note.
    pub fn read_key(
        section: &mut Section<'_>,
        name: &'static str,
        credentials: Option<&Path>,
        credential: &str,
    ) -> Option<Self> {
        match credentials {
            Some(folder) if !section.has(name) => Some(Self::new(folder.join(credential))),
            _ => {
                let instead = format!("name the file that holds it, or give systemd the credential `{credential}`");
                let place = section.place_of(name);
                let path = section.required(name, &instead, value::absolute_path)?;
                if let Some(who) = text_file::readable_by_everybody(&path) {
                    section.note(place, name, format!("{}: {who}", path.display()));
                }
                Some(Self::new(path))
            }
        }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the secret.
    ///
    /// # Errors
    /// If the file cannot be read, is too large, or holds something else than one key or token.
    pub fn read(&self) -> io::Result<SecretString> {
        let mut text = String::new();
        // One byte more than allowed, so that a longer file is refused and not cut: half of a secret must not go
        // anywhere.
        let read = File::open(&self.path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        let secret = SecretString::from(text.trim());
        drop(SecretString::from(text));
        if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
            return Err(too_long());
        }
        let fits = |byte: u8| byte.is_ascii_graphic();
        if secret.expose_secret().is_empty() || !secret.expose_secret().bytes().all(fits) {
            return Err(no_secret());
        }
        Ok(secret)
    }

    /// Returns the value of `Authorization`: the secret behind the word that the server expects, for example `Bearer`.
    ///
    /// # Errors
    /// As for [`SecretFile::read`].
    pub fn header(&self, scheme: &str) -> io::Result<HeaderValue> {
        let secret = self.read()?;
        let text = SecretString::from(format!("{scheme} {}", secret.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| no_secret())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn too_long() -> io::Error {
    let what = format!("the file is longer than {MAX_BYTES} bytes, so it does not hold one key or token");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn no_secret() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file holds no key or token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_refused_and_not_cut() {
        let dir = tempfile::tempdir().unwrap();
        let file = SecretFile::new(dir.path().join("key"));
        std::fs::write(file.path(), "k".repeat(4096)).unwrap();
        assert_eq!(file.read().unwrap().expose_secret().len(), 4096);
        for text in ["k".repeat(4097), format!("{}\n", "k".repeat(4096)), "k".repeat(100_000)] {
            std::fs::write(file.path(), text).unwrap();
            let error = file.header("Bearer").unwrap_err().to_string();
            assert_eq!(
                error,
                "the file is longer than 4096 bytes, so it does not hold one key or token"
            );
        }
    }

    #[test]
    fn line_ends_around_a_secret_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = SecretFile::new(dir.path().join("key"));
        std::fs::write(file.path(), " abc-DEF_1\r\n").unwrap();
        assert_eq!(file.read().unwrap().expose_secret(), "abc-DEF_1");
        assert_eq!(format!("{:?}", file.header("Token").unwrap()), "Sensitive");
        for wrong in ["", "\n", "a b", "a\nb", "ü"] {
            std::fs::write(file.path(), wrong).unwrap();
            assert!(file.read().is_err(), "{wrong:?}");
        }
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(file.read().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
