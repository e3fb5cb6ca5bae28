//! The trait through which mirrors of the same MISP in several processes share the work.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// The future that the methods of [`Peers`] return.
pub type PeerFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that mirrors of the same MISP in several processes share, for example in a Valkey.
///
/// One of the mirrors holds its lease: that one asks MISP, and puts what changed into items of the place. The others
/// read these items once a second. The place may lose any item at any time: a mirror that misses one asks MISP.
///
/// Mirrors may share a place only if they ask MISP with the same key, for the same attribute types, and for sightings
/// or not. An implementation must protect the items: who can change them can change what the mirrors hold. It need not
/// protect them against an older item under the same name; the mirrors notice that.
pub trait Peers: fmt::Debug + Send + Sync + 'static {
    /// Takes the lease, or renews the one that this mirror has.
    ///
    /// The mirror that has it calls this once a second; so the lease should end after a few seconds without a call.
    fn lead(&self) -> PeerFuture<'_, Lead>;

    /// Gives the lease back, if this mirror has it.
    fn resign(&self) -> PeerFuture<'_, ()>;

    /// Reads an item.
    fn get<'a>(&'a self, name: &'a str) -> PeerFuture<'a, PeerItem>;

    /// Puts an item in place of an older one, for so long; returns whether the place has it now.
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, life: Duration) -> PeerFuture<'a, bool>;

    /// Removes an item.
    fn remove<'a>(&'a self, name: &'a str) -> PeerFuture<'a, ()>;
}

/// The answer to [`Peers::lead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// This mirror has the lease.
    Ours,
    /// Another mirror has it.
    Theirs,
    /// The place does not answer.
    Unknown,
}

/// The answer to [`Peers::get`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerItem {
    /// The item.
    Found(Vec<u8>),
    /// The place does not have it.
    Missing,
    /// The place does not answer.
    Unknown,
}

/// The part of a mirror among those that share a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It asks MISP for itself only.
    #[default]
    Alone,
    /// It asks MISP for all.
    Leading,
    /// It follows the one that asks MISP.
    Following,
}

impl Standing {
    /// Returns it in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Leading => "leading",
            Self::Following => "following the leader",
        }
    }
}
