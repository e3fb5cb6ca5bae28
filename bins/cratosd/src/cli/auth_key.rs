//! The MISP key of a command: from a file, the environment or standard input, never from the command line.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use zeroize::{Zeroize as _, Zeroizing};

use crate::exit::Failure;

/// The variable that holds a key itself.
const VARIABLE: &str = "CRATOS_AUTH_KEY";

/// The most bytes that are read. A key has 40 characters.
const MAX_BYTES: u64 = 4096;

/// The longest key that a token can carry.
const MAX_KEY: usize = 255;

#[derive(Debug, Args)]
pub(super) struct AuthKeySource {
    /// File with the MISP key; without it, the environment variable CRATOS_AUTH_KEY counts
    #[arg(long, env = "CRATOS_AUTH_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    auth_key_file: Option<PathBuf>,
}

impl AuthKeySource {
    /// Reads the key from the first of: the file, the environment, standard input unless that is a terminal.
    ///
    /// # Errors
    /// A usage error when there is no key, or the text cannot be a key. The error never shows it.
    pub(super) fn read(&self) -> Result<SecretString, Failure> {
        if let Some(key) = self.read_named()? {
            return Ok(key);
        }
        if io::stdin().is_terminal() {
            return Err(Failure::usage(format!(
                "no MISP key: name a file with --auth-key-file, set {VARIABLE}, or pipe the key into standard input"
            )));
        }
        key(io::stdin().lock(), "standard input")
    }

    /// Reads the key from the file or the environment, if one of them has it. Standard input is not read.
    pub(super) fn read_named(&self) -> Result<Option<SecretString>, Failure> {
        if let Some(path) = &self.auth_key_file {
            return read_file(path).map(Some);
        }
        std::env::var_os(VARIABLE)
            .filter(|value| !value.is_empty())
            .map(|value| {
                let value = Zeroizing::new(value.into_encoded_bytes());
                key(value.as_slice(), VARIABLE)
            })
            .transpose()
    }
}

fn read_file(path: &Path) -> Result<SecretString, Failure> {
    let from = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&from, &error))?;
    key(file, &from)
}

fn unreadable(from: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("the MISP key cannot be read from {from}: {error}"))
}

/// Reads a key with white space around it.
fn key(source: impl Read, from: &str) -> Result<SecretString, Failure> {
    let mut text = Zeroizing::new(String::new());
    match source.take(MAX_BYTES).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(not_a_key(from)),
        Err(error) => return Err(unreadable(from, &error)),
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Failure::usage(format!("no MISP key: {from} is empty")));
    }
    if trimmed.len() > MAX_KEY || !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(not_a_key(from));
    }
    let key = SecretString::from(trimmed);
    text.zeroize();
    Ok(key)
}

fn not_a_key(from: &str) -> Failure {
    Failure::usage(format!(
        "{from} does not hold a MISP key: 1 to {MAX_KEY} visible ASCII characters (MISP makes 40)"
    ))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn white_space_around_a_key_is_ignored() {
        let read = key(&b" \n0123456789abcdef0123456789abcdef01234567\r\n"[..], "test").unwrap();
        assert_eq!(read.expose_secret(), "0123456789abcdef0123456789abcdef01234567");
    }

    #[test]
    fn a_text_that_cannot_be_a_key_is_refused_and_not_shown() {
        let long = "x".repeat(10_000);
        for bytes in [
            &b""[..],
            b" \n",
            b"two words",
            b"sch\xc3\xb6n",
            b"\xff\xfe",
            b"a\0b",
            long.as_bytes(),
        ] {
            let failure = key(bytes, "test").unwrap_err();
            assert_eq!(failure.exit(), crate::exit::Exit::Usage);
            assert_eq!(failure.lines().len(), 1);
            assert!(
                !failure.lines()[0].contains("words") && failure.lines()[0].len() < 120,
                "{failure:?}"
            );
        }
    }
}
