//! Reads existing tokens from the command line, a file or standard input.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::Failure;

/// The largest input, in bytes: some ten thousand tokens with a label each.
const MAX_BYTES: u64 = 4 << 20;

/// A token of the command line; `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Token(Zeroizing<String>);

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token([hidden])")
    }
}

impl Token {
    /// Returns the token, or `None` for `-`, which means standard input.
    pub(super) fn text(&self) -> Option<Zeroizing<String>> {
        (*self.0 != "-").then(|| self.0.clone())
    }
}

/// Reads standard input, up to a bound.
///
/// # Errors
/// A usage error, which names `command`, if standard input is a terminal or not text.
pub(super) fn from_standard_input(command: &str, limit: u64) -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(format!(
            "no token: write it after `{command}`, or pipe it into standard input"
        )));
    }
    text(stdin, limit, "standard input")
}

/// Reads a file with tokens.
///
/// # Errors
/// A usage error if it cannot be read, or is not text.
pub(in crate::cli) fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let shown = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&shown, &error))?;
    text(file, MAX_BYTES, &shown)
}

/// Reads as many tokens as a file may hold from standard input.
///
/// # Errors
/// As [`from_standard_input`].
pub(super) fn many_from_standard_input(command: &str) -> Result<Zeroizing<String>, Failure> {
    from_standard_input(command, MAX_BYTES)
}

fn text(source: impl Read, limit: u64, from: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    source
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(from, &error))?;
    if limit == MAX_BYTES && u64::try_from(text.len()).is_ok_and(|len| len == limit) {
        return Err(Failure::usage(format!(
            "{from} contains more than {limit} bytes of tokens: split it into parts"
        )));
    }
    Ok(text)
}

fn unreadable(from: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("no token can be read from {from}: {error}"))
}
