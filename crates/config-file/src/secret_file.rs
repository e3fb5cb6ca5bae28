//! A secret in a file of its own: read anew for every question, so that they can be changed without a restart.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// Longer than any token or key that goes into a header.
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

    /// Returns where the secret is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the secret.
    ///
    /// # Errors
    /// If the file cannot be read, or what it holds cannot be a secret that goes into a header.
    pub fn read(&self) -> io::Result<SecretString> {
        let mut text = String::new();
        // One byte more than may be there, so that a longer text is seen: half of a secret must not go anywhere.
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

    /// Returns the value of `Authorization`, with the word that the server wants before the secret.
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
