//! The answer to a request: the facts for the header of a response, and the bytes in the consumer's format.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::bodies::{Bodies, BodyCounts, FeedStream, Form, Made};
use crate::{Encoding, FeedError, HeldBack, Origin};

/// Everything about a feed except its bytes, which may not exist yet: enough to answer a `HEAD` or a conditional
/// request.
#[derive(Debug)]
#[non_exhaustive]
pub struct FeedHead {
    /// How the body is compressed.
    pub encoding: Encoding,
    /// Media type of the body.
    pub content_type: &'static str,
    /// Strong entity tag with its quotes. It depends on the indicators, on the exporter and its version, on the options
    /// of the request and on the encoding; it is the same on every machine.
    pub etag: String,
    /// When the values last changed; not when they were fetched. With a length limit, when the values or their times
    /// last changed.
    pub changed_at: jiff::Timestamp,
    /// The time since the source answered.
    pub age: Duration,
    /// How much longer the answer counts as fresh; zero when it is stale.
    pub fresh_for: Duration,
    /// Whether it came from memory or from the source.
    pub origin: Origin,
    /// Whether the last attempt to ask the source failed, or its answer is held back.
    pub refresh_failing: bool,
    /// The smaller set that is held back, if any.
    pub held_back: Option<Arc<HeldBack>>,
    /// The length limit, of the output or of the caller, if the feed has more values.
    pub limit: Option<LengthLimit>,
    pub(crate) form: Form,
    pub(crate) bodies: Bodies,
    /// How long the caller waits for a turn to have a large body made.
    pub(crate) patience: Duration,
}

/// The length limit of a body whose feed has more values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LengthLimit {
    /// The greatest number of indicators in the body.
    pub most: NonZeroU32,
    /// Whether the newest stay. Otherwise the source gave no times, and the first in order stay.
    pub keeps_newest: bool,
}

/// How many indicators a body has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Values in the body.
    pub count: u64,
    /// Attributes and values that were left out: invalid, kept out by the guard, or not to be carried by this format.
    pub dropped: u64,
    /// The values among them that this format cannot carry.
    pub quarantined: u64,
    /// Values that the length limit leaves out; they are not among the dropped ones.
    pub truncated: u64,
}

/// A feed, ready to be sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct RenderedFeed {
    /// The body in `encoding`.
    pub body: FeedBody,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// Media type of the body.
    pub content_type: &'static str,
    /// Strong entity tag with its quotes, see [`FeedHead::etag`].
    pub etag: String,
    /// Values in the body.
    pub count: u64,
    /// Attributes and values that were left out: invalid, kept out by the guard, or not to be carried by this format.
    pub dropped: u64,
    /// Values that the length limit leaves out.
    pub truncated: u64,
    /// When the values last changed, see [`FeedHead::changed_at`].
    pub changed_at: jiff::Timestamp,
    /// The time since the source answered.
    pub age: Duration,
    /// How much longer the answer counts as fresh; zero when it is stale.
    pub fresh_for: Duration,
    /// Whether it came from memory or from the source.
    pub origin: Origin,
    /// Whether the last attempt to ask the source failed, or its answer is held back.
    pub refresh_failing: bool,
    /// The smaller set that is held back, if any.
    pub held_back: Option<Arc<HeldBack>>,
}

/// The bytes of a feed.
///
/// ```no_run
/// # async fn save(feed: feed_engine::RenderedFeed) -> Result<(), Box<dyn std::error::Error>> {
/// std::fs::write("block.txt", feed.body.bytes().await?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedBody {
    /// All of them.
    Whole(Bytes),
    /// A body that is too large for the engine's memory: its pieces are made while the caller takes them.
    Streamed {
        /// The pieces.
        pieces: FeedStream,
        /// How many bytes there will be, if this body was made before.
        length: Option<u64>,
    },
}

impl FeedHead {
    /// Returns how many indicators the body has; of a body that was not made yet they are counted, once for each state
    /// of a feed.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when others had the turn all the time, [`FeedError::Internal`] if the exporter panics.
    pub async fn counts(&self) -> Result<Counts, FeedError> {
        let exported = self.bodies.counts(&self.form, self.patience).await?;
        Ok(self.counts_of(exported))
    }

    /// Returns the counts, if they are known.
    #[must_use]
    pub fn known_counts(&self) -> Option<Counts> {
        self.form.counts().map(|exported| self.counts_of(exported))
    }

    fn counts_of(&self, exported: BodyCounts) -> Counts {
        Counts {
            count: exported.written,
            dropped: exported.quarantined + self.form.set().dropped().values().sum::<u64>(),
            quarantined: exported.quarantined,
            truncated: exported.truncated,
        }
    }

    /// Returns how many attributes gave no value and how many values the guard kept out, by the name of the reason.
    #[must_use]
    pub fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        self.form.set().dropped()
    }

    /// Returns the length of the body in bytes, where it is known without making it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.bodies.length(&self.form, self.encoding)
    }

    /// Returns the bytes, if memory has them. They are not copied.
    #[must_use]
    pub fn kept_body(&self) -> Option<Bytes> {
        let body = self.bodies.kept(&self.form, self.encoding)?;
        Some(body.bytes.clone())
    }

    /// Returns the bytes; a body that is kept in memory is not copied.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when other callers had the turn all the time, [`FeedError::Internal`] if it cannot be made.
    pub async fn body(&self) -> Result<FeedBody, FeedError> {
        Ok(
            match self.bodies.body(&self.form, self.encoding, self.patience).await? {
                Made::Kept(body) => FeedBody::Whole(body.bytes.clone()),
                Made::Streamed(pieces) => FeedBody::Streamed {
                    pieces,
                    length: self.length(),
                },
            },
        )
    }

    /// Returns the bytes, whose number is known in any case: for callers that see no other difference between a whole
    /// body and one that broke off. A body that is too large to keep is made twice the first time.
    ///
    /// # Errors
    /// Those of [`Self::body`].
    pub async fn measured_body(&self) -> Result<FeedBody, FeedError> {
        self.bodies.measure(&self.form, self.encoding, self.patience).await?;
        self.body().await
    }

    /// Returns the feed with its body.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when other callers had the turn all the time, [`FeedError::Internal`] if it cannot be made.
    pub async fn render(&self) -> Result<RenderedFeed, FeedError> {
        let body = self.body().await?;
        let Counts {
            count,
            dropped,
            truncated,
            ..
        } = self.counts().await?;
        Ok(RenderedFeed {
            body,
            encoding: self.encoding,
            content_type: self.content_type,
            etag: self.etag.clone(),
            count,
            dropped,
            truncated,
            changed_at: self.changed_at,
            age: self.age,
            fresh_for: self.fresh_for,
            origin: self.origin,
            refresh_failing: self.refresh_failing,
            held_back: self.held_back.clone(),
        })
    }
}

impl FeedBody {
    /// Returns the bytes of a body that is whole already.
    #[must_use]
    pub fn whole(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Streamed { .. } => None,
        }
    }

    /// Returns all bytes; those of a streamed body are put together in memory.
    ///
    /// # Errors
    /// [`FeedError`] if a streamed body cannot be made to its end.
    pub async fn bytes(self) -> Result<Bytes, FeedError> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Streamed { mut pieces, .. } => {
                let mut all = BytesMut::new();
                while let Some(piece) = pieces.next().await {
                    all.extend_from_slice(&piece?);
                }
                Ok(all.freeze())
            }
        }
    }
}
