//! The feed token: read anew for every question, so that it can be changed without a restart.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// Longer than any token of cratosd.
const MAX_BYTES: u64 = 4096;

/// The file that holds the feed token.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// Names the file; it is read when the token is needed.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns where the token is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the token.
    ///
    /// # Errors
    /// If the file cannot be read, or what it holds is no token.
    pub fn read(&self) -> io::Result<SecretString> {
        let mut text = String::new();
        File::open(&self.path)?.take(MAX_BYTES).read_to_string(&mut text)?;
        let token = SecretString::from(text.trim());
        drop(SecretString::from(text));
        let fits = |byte: u8| byte.is_ascii_graphic();
        if token.expose_secret().is_empty() || !token.expose_secret().bytes().all(fits) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds no token"));
        }
        Ok(token)
    }

    /// Returns the value of `Authorization`.
    pub(super) fn header(&self) -> io::Result<HeaderValue> {
        let token = self.read()?;
        let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
        let mut value = HeaderValue::from_str(bearer.expose_secret())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file holds no token"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_around_a_token_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::new(dir.path().join("token"));
        std::fs::write(file.path(), " abc-DEF_1\r\n").unwrap();
        assert_eq!(file.read().unwrap().expose_secret(), "abc-DEF_1");
        assert_eq!(format!("{:?}", file.header().unwrap()), "Sensitive");
        for wrong in ["", "\n", "a b", "a\nb", "ü"] {
            std::fs::write(file.path(), wrong).unwrap();
            assert!(file.read().is_err(), "{wrong:?}");
        }
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(file.read().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
