//! memcached's binary protocol: commands as bytes, and its answers.
//!
//! Every message is a header of 24 bytes, extras, key and value. The server gives back the opaque number of the
//! command.

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncReadExt as _};

use super::{Said, reader};
use crate::{ItemKey, MAX_ITEM_BYTES, StoreError};

const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
const HEADER: usize = 24;

const GET: u8 = 0x00;
const SET: u8 = 0x01;
const ADD: u8 = 0x02;
const DELETE: u8 = 0x04;
/// As `GET`, but without an answer for a missing value.
const GET_QUIETLY: u8 = 0x09;
const NOOP: u8 = 0x0a;
const SASL_AUTH: u8 = 0x21;

const OK: u16 = 0x00;
const NOT_FOUND: u16 = 0x01;
const EXISTS: u16 = 0x02;
const TOO_LARGE: u16 = 0x03;
const NOT_STORED: u16 = 0x05;
const AUTH_ERROR: u16 = 0x20;
const AUTH_CONTINUE: u16 = 0x21;
const OUT_OF_MEMORY: u16 = 0x82;

/// One answer.
pub(crate) struct Reply {
    opcode: u8,
    status: u16,
    opaque: u32,
    pub(super) version: u64,
    /// Extras, key and value.
    body: Bytes,
    value_at: usize,
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        self.status == OK
    }

    pub(super) fn value(&self) -> Bytes {
        self.body.slice(self.value_at.min(self.body.len())..)
    }

    /// Returns whether the command was done, or the error of the server.
    pub(super) fn done(&self) -> Said<bool> {
        match self.status {
            OK => Ok(true),
            NOT_FOUND | EXISTS | NOT_STORED => Ok(false),
            TOO_LARGE | OUT_OF_MEMORY => Err(StoreError::Full),
            AUTH_ERROR => Err(StoreError::Refused),
            _ => Err(StoreError::answered(&self.value())),
        }
    }
}

/// The command that logs in.
pub(super) fn plain(user: &str, password: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let words = zeroize::Zeroizing::new(format!("\0{user}\0{password}"));
    let mut command = zeroize::Zeroizing::new(message(SASL_AUTH, "PLAIN", &[], words.len(), 0, 0));
    command.extend_from_slice(words.as_bytes());
    command
}

/// A quiet question for each key, and a last one that is always answered.
pub(super) fn get(keys: &[ItemKey]) -> Vec<u8> {
    let mut commands = Vec::new();
    for (number, key) in (0..).zip(keys) {
        commands.extend(message(GET_QUIETLY, key.as_str(), &[], 0, number, 0));
    }
    commands.extend(message(NOOP, "", &[], 0, 0, 0));
    commands
}

pub(super) fn get_one(key: &ItemKey) -> Vec<u8> {
    message(GET, key.as_str(), &[], 0, 0, 0)
}

/// The message before the value.
pub(super) fn set(key: &ItemKey, length: usize, seconds: u32) -> Vec<u8> {
    message(SET, key.as_str(), &flags_and_life(seconds), length, 0, 0)
}

/// The message before the value.
pub(super) fn add(key: &ItemKey, length: usize, seconds: u32) -> Vec<u8> {
    message(ADD, key.as_str(), &flags_and_life(seconds), length, 0, 0)
}

/// With a version other than 0, only that version is deleted.
pub(super) fn delete(key: &ItemKey, version: u64) -> Vec<u8> {
    message(DELETE, key.as_str(), &[], 0, 0, version)
}

/// Reads the answer to [`plain`].
pub(super) async fn read_login<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<(), StoreError> {
    let reply = read_reply(from).await?;
    match reply.status {
        OK => Ok(()),
        AUTH_ERROR | AUTH_CONTINUE => Err(StoreError::Refused),
        // A server built without SASL, or started without -S, does not know the command.
        _ => Err(StoreError::Unusable(
            "no SASL at this server; remove `memcached_user` or start it with -S".to_owned(),
        )),
    }
}

/// Reads the answers to [`get`] for so many keys.
pub(crate) async fn read_values<R: AsyncBufRead + Unpin>(
    from: &mut R,
    keys: usize,
) -> Result<Said<Vec<Option<Bytes>>>, StoreError> {
    let mut values = vec![None; keys];
    let mut said = Ok(());
    // Each key has one answer at most, and the last question has one.
    for _ in 0..=keys {
        let reply = read_reply(from).await?;
        match reply.opcode {
            NOOP => return Ok(said.map(|()| values)),
            GET_QUIETLY if reply.is_ok() => {
                let slot = usize::try_from(reply.opaque).ok().and_then(|at| values.get_mut(at));
                let Some(slot @ None) = slot else {
                    return Err(StoreError::Protocol("a value that was not asked for"));
                };
                *slot = Some(reply.value());
            }
            GET_QUIETLY => said = reply.done().map(drop),
            _ => return Err(StoreError::Protocol("an answer to something else")),
        }
    }
    Err(StoreError::Protocol("more answers than questions"))
}

/// Reads one answer.
pub(crate) async fn read_reply<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<Reply, StoreError> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await.map_err(StoreError::Broken)?;
    let [
        magic,
        opcode,
        k1,
        k2,
        extras,
        _,
        s1,
        s2,
        b1,
        b2,
        b3,
        b4,
        o1,
        o2,
        o3,
        o4,
        version @ ..,
    ] = header;
    if magic != RESPONSE {
        return Err(StoreError::Protocol("a message that is no answer"));
    }
    let length = usize::try_from(u32::from_be_bytes([b1, b2, b3, b4])).unwrap_or(usize::MAX);
    let value_at = usize::from(u16::from_be_bytes([k1, k2])) + usize::from(extras);
    if value_at > length || value_at > MAX_ITEM_BYTES {
        return Err(StoreError::Protocol("an answer whose lengths do not fit"));
    }
    Ok(Reply {
        opcode,
        status: u16::from_be_bytes([s1, s2]),
        opaque: u32::from_be_bytes([o1, o2, o3, o4]),
        version: u64::from_be_bytes(version),
        body: reader::bytes(from, length).await?,
        value_at,
    })
}

fn flags_and_life(seconds: u32) -> [u8; 8] {
    let [a, b, c, d] = seconds.to_be_bytes();
    [0, 0, 0, 0, a, b, c, d]
}

/// A message without its value; keys and values are far below what its lengths can say.
fn message(opcode: u8, key: &str, extras: &[u8], value: usize, opaque: u32, version: u64) -> Vec<u8> {
    let key_length = u16::try_from(key.len()).unwrap_or(u16::MAX);
    let extras_length = u8::try_from(extras.len()).unwrap_or(u8::MAX);
    let body = u32::try_from(extras.len() + key.len() + value).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + extras.len() + key.len());
    message.extend([REQUEST, opcode]);
    message.extend(key_length.to_be_bytes());
    message.extend([extras_length, 0, 0, 0]);
    message.extend(body.to_be_bytes());
    message.extend(opaque.to_be_bytes());
    message.extend(version.to_be_bytes());
    message.extend(extras);
    message.extend(key.as_bytes());
    message
}
