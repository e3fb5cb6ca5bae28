//! The trait between the shared cache and its server.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// Longest value that a store has to take in one item, in bytes: memcached's default of 1 MiB, less its own overhead.
pub const MAX_ITEM_BYTES: usize = (1 << 20) - 4096;

/// The name of an item in a store: 1 to 250 printable ASCII characters without a space, which every store takes.
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

    /// Returns the key of base64 text behind our prefix, which needs no check.
    pub(crate) fn made(key: String) -> Self {
        Self(key)
    }
}

/// The future that a store's methods return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps bytes by key for a while, for several processes; it may lose any of them at any time.
///
/// Dropping a future that a method returned must leave the store usable, since callers stop waiting after a while.
/// Values are at most [`MAX_ITEM_BYTES`] long, lives at least a second. The callers of this trait trust nothing that
/// they read.
pub trait SharedStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the kind and the address of the server for logs, for example `memcached at 127.0.0.1:11211`.
    fn place(&self) -> &str;

    /// Returns the values under these keys, in the same order; `None` for a missing one.
    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, Vec<Option<Bytes>>>;

    /// Puts values in the place of older ones.
    fn put<'a>(&'a self, items: &'a [(ItemKey, Bytes)], life: Duration) -> StoreFuture<'a, ()>;

    /// Puts a value unless the key has one; returns whether it did.
    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> StoreFuture<'a, bool>;

    /// Removes the values under these keys.
    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, ()>;

    /// Removes the value if it equals `value`, in one step, so that a newer value stays; returns whether it did.
    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> StoreFuture<'a, bool>;

    /// Returns a number that grows with every byte that is sent or received, to distinguish a slow server from a dead
    /// one.
    fn moved_bytes(&self) -> u64;

    /// Closes the connections: the next question opens a new one.
    fn disconnect(&self);
}

/// A failure of the store or of the connection to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The connection cannot be made.
    #[error("cannot be connected to")]
    Connect(#[source] io::Error),
    /// The connection ended in the middle.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// User or password are wrong, or the user may not do this.
    #[error("refuses the user or the password, or the user may not do this")]
    Refused,
    /// No answer came in time.
    #[error("did not answer in time")]
    Slow,
    /// The store has no room for the value.
    #[error("has no room for a value")]
    Full,
    /// The answer does not follow the protocol.
    #[error("answered what is not its protocol: {0}")]
    Protocol(&'static str),
    /// The server answered with an error.
    #[error("answered with the error `{0}`")]
    Answered(String),
    /// The server answered with an error after which the connection cannot be used.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

impl StoreError {
    /// Returns the error with a server's own words: bounded, and on one line.
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

    /// Returns whether the connection can be used after this error.
    #[cfg(any(feature = "memcached", feature = "valkey"))]
    pub(crate) fn leaves_connection_usable(&self) -> bool {
        matches!(self, Self::Full | Self::Answered(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_form_that_every_store_takes() {
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
