//! memcached's text protocol: commands as bytes, and its answers.

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncReadExt as _};

use super::{Said, reader};
use crate::{ItemKey, StoreError};

/// A value and the version that `cas` wants to see again, if it was asked for.
pub(crate) struct Versioned {
    pub(crate) bytes: Bytes,
    pub(crate) version: u64,
}

pub(super) fn get(keys: &[ItemKey]) -> Vec<u8> {
    let mut command = "get".to_owned();
    for key in keys {
        command.push(' ');
        command.push_str(key.as_str());
    }
    command.push_str("\r\n");
    command.into_bytes()
}

pub(super) fn gets(key: &ItemKey) -> Vec<u8> {
    format!("gets {}\r\n", key.as_str()).into_bytes()
}

/// The line before a value; the value and a line end follow.
pub(super) fn store(verb: &str, key: &ItemKey, length: usize, seconds: u32) -> Vec<u8> {
    format!("{verb} {} 0 {seconds} {length}\r\n", key.as_str()).into_bytes()
}

pub(super) fn delete(keys: &[ItemKey]) -> Vec<u8> {
    let commands = keys.iter().map(|key| format!("delete {}\r\n", key.as_str()));
    commands.collect::<String>().into_bytes()
}

/// `delete` knows no version; but a life that has ended takes the value out as well.
pub(super) fn end_if(key: &ItemKey, version: u64) -> Vec<u8> {
    format!("cas {} 0 -1 0 {version}\r\n\r\n", key.as_str()).into_bytes()
}

/// Reads the answer to `get` or `gets`: the values that are there, in the order of the keys.
pub(crate) async fn read_values<R: AsyncBufRead + Unpin>(
    from: &mut R,
    keys: &[ItemKey],
) -> Result<Vec<Option<Versioned>>, StoreError> {
    let mut values: Vec<Option<Versioned>> = keys.iter().map(|_| None).collect();
    loop {
        let line = reader::line(from).await?;
        if line == b"END" {
            return Ok(values);
        }
        let Some(found) = line.strip_prefix(b"VALUE ") else {
            return Err(error_of(&line));
        };
        let (key, length, version) = value_line(found).ok_or(StoreError::Protocol("a line that is no value's"))?;
        let place = keys.iter().position(|asked| asked.as_str() == key);
        let slot = place.and_then(|index| values.get_mut(index));
        let Some(slot @ None) = slot else {
            return Err(StoreError::Protocol("a value that was not asked for"));
        };
        let bytes = reader::bytes(from, length).await?;
        let mut end = [0; 2];
        from.read_exact(&mut end).await.map_err(StoreError::Broken)?;
        if end != *b"\r\n" {
            return Err(StoreError::Protocol("a value that is longer than its line says"));
        }
        *slot = Some(Versioned { bytes, version });
    }
}

/// Reads the answer to a command that stores or deletes: whether it was done.
pub(crate) async fn read_done<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<Said<bool>, StoreError> {
    let line = reader::line(from).await?;
    match line.as_slice() {
        b"STORED" | b"DELETED" => Ok(Ok(true)),
        b"NOT_STORED" | b"NOT_FOUND" | b"EXISTS" => Ok(Ok(false)),
        // It has read the value nevertheless, and goes on with the next command.
        line if line.starts_with(b"SERVER_ERROR out of memory") => Ok(Err(StoreError::Full)),
        line if line.starts_with(b"SERVER_ERROR object too large") => Ok(Err(StoreError::Full)),
        line => Err(error_of(line)),
    }
}

/// After any other error it is unknown how much the server has read, so the connection is not used again.
fn error_of(line: &[u8]) -> StoreError {
    if line.starts_with(b"CLIENT_ERROR unauthenticated") {
        return StoreError::Refused;
    }
    let is_error = [&b"ERROR"[..], b"CLIENT_ERROR", b"SERVER_ERROR"]
        .iter()
        .any(|word| line.starts_with(word));
    if is_error {
        StoreError::Unusable(
            line.get(..line.len().min(120))
                .unwrap_or_default()
                .escape_ascii()
                .to_string(),
        )
    } else {
        StoreError::Protocol("a line that is no answer")
    }
}

/// `key flags bytes`, and the version after `gets`.
fn value_line(line: &[u8]) -> Option<(&str, usize, u64)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (key, _flags) = (words.next()?, words.next()?);
    let length = words.next()?.parse().ok()?;
    let version = match words.next() {
        Some(version) => version.parse().ok()?,
        None => 0,
    };
    words.next().is_none().then_some((key, length, version))
}
