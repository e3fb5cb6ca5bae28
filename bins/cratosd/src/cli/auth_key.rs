//! The MISP key of a command: from a file, the environment or standard input, never from the command line.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use token_crypto::{AuthKeyError, read_auth_key};
use zeroize::Zeroizing;

use crate::exit::{Failure, chain};

/// The variable that holds a key itself.
const VARIABLE: &str = "CRATOS_AUTH_KEY";

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
    match File::open(path) {
        Ok(file) => key(file, &from),
        Err(source) => Err(failure(AuthKeyError::Unreadable { from, source })),
    }
}

fn key(source: impl Read, from: &str) -> Result<SecretString, Failure> {
    read_auth_key(source, from).map_err(failure)
}

fn failure(error: AuthKeyError) -> Failure {
    Failure::usage(chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_a_key_is_a_usage_error() {
        let failure = key(&b"two words"[..], "test").unwrap_err();
        assert_eq!((failure.exit(), failure.lines().len()), (crate::exit::Exit::Usage, 1));
    }
}
