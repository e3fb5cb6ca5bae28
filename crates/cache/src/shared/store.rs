//! The seam between the shared cache and the server that keeps it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// Longest value that a store has to take in one item, in bytes: memcached's default is 1 MiB, less what it adds itself.
pub const MAX_ITEM_BYTES: usize = (1 << 20) - 4096;

/// How an item is called in a store: 1 to 250 printable ASCII characters without a space, which every store takes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ItemKey(String);

impl ItemKey {
    /// Returns the key, unless a store would not take it.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Option<Self> {
        let key = key.into();
        let fits = (1..=250).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(key))
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For keys that are made of base64 and a prefix of ours.
    pub(crate) fn made(key: String) -> Self {
        Self(key)
    }
}

/// What a store's methods return.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps bytes by key for a while, for several processes; it may lose any of them at any time.
///
/// Dropping a future that a method returned must leave the store usable: whoever asks does not wait for ever. Values are at
/// most [`MAX_ITEM_BYTES`] long, lives at least a second. Nothing that is read is trusted by the callers of this trait.
pub trait SharedStore: fmt::Debug + Send + Sync + 'static {
    /// Returns what kind of server this is and where, for logs: `memcached at 127.0.0.1:11211`.
    fn place(&self) -> &str;

    /// Returns the values under these keys, in the same order; `None` for what is not there.
    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> Asking<'a, Vec<Option<Bytes>>>;

    /// Puts values in the place of older ones.
    fn put<'a>(&'a self, items: &'a [(ItemKey, Bytes)], life: Duration) -> Asking<'a, ()>;

    /// Puts a value unless there is one already; returns whether it did.
    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> Asking<'a, bool>;

    /// Takes out what is there under these keys.
    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> Asking<'a, ()>;

    /// Takes the value out if it is this one; returns whether it did. Nobody's newer value goes with it.
    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> Asking<'a, bool>;

    /// Returns a number that grows with every byte that is moved, so that a slow server can be told from a dead one.
    fn moved_bytes(&self) -> u64;

    /// Gives up the connections: the next question is asked over a new one.
    fn disconnect(&self);
}

/// Why a store did not do what it was asked; it is the store's fault, or that of the way there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no connection to be had.
    #[error("cannot be connected to")]
    Connect(#[source] io::Error),
    /// The connection ended in the middle.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// User or password are wrong, or the user may not do this.
    #[error("refuses the user or the password, or the user may not do this")]
    Refused,
    /// Nothing came back for too long.
    #[error("did not answer in time")]
    Slow,
    /// There is no room for the value.
    #[error("has no room for a value")]
    Full,
    /// What came back is not the protocol.
    #[error("answered what is not its protocol: {0}")]
    Protocol(&'static str),
    /// The server says that something is wrong.
    #[error("answered with the error `{0}`")]
    Answered(String),
    /// The server says that something is wrong, and nobody knows what it makes of what comes next.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

impl StoreError {
    /// Returns the error that a server's own words make: bounded, and on one line.
    #[cfg(any(test, feature = "memcached", feature = "valkey"))]
    pub(crate) fn answered(words: &[u8]) -> Self {
        let words = words.get(..words.len().min(120)).unwrap_or_default();
        Self::Answered(words.escape_ascii().to_string())
    }

    /// Returns this error and its causes as one line.
    #[must_use]
    pub fn chain(&self) -> String {
        service_kit::chain(self)
    }

    /// Whether the connection can be used again after it.
    #[cfg(any(feature = "memcached", feature = "valkey"))]
    pub(crate) fn leaves_connection_usable(&self) -> bool {
        matches!(self, Self::Full | Self::Answered(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_every_store_takes() {
        assert!(ItemKey::new("cratos:a-b_c").is_some());
        for bad in ["", "a b", "a\r\n", "ä", "a\0"] {
            assert_eq!(ItemKey::new(bad), None, "{bad:?}");
        }
        assert!(ItemKey::new("x".repeat(250)).is_some());
        assert_eq!(ItemKey::new("x".repeat(251)), None);
    }

    #[test]
    fn a_servers_words_are_bounded_and_on_one_line() {
        let error = StoreError::answered(&[b'\n'; 4096]);
        assert_eq!(
            error.to_string(),
            format!("answered with the error `{}`", "\\n".repeat(120))
        );
    }
}
