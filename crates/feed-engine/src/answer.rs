//! The answer to a request: the facts for the header of a response, and the bytes in the consumer's format.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cache::Moment;

use crate::bodies::{Bodies, BodyCounts, FeedStream, Form, Made, Rereading};
use crate::{Encoding, FeedError, HeldBack, Origin};

/// Everything about a feed except its bytes, which may not exist yet: enough to answer a `HEAD` or a conditional
/// request.
#[derive(Debug)]
#[non_exhaustive]
pub struct FeedHead {
    /// How the body is compressed: as the request prefers, or not at all. The compressed form of a long feed is made in
    /// the background after the first request for its body that prefers it, and until then the body is plain.
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
    /// The encoding that the request prefers.
    pub(crate) wanted: Encoding,
    /// How long the caller waits for a turn to have a large body made.
    pub(crate) patience: Duration,
    pub(crate) now: Moment,
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
    /// A long body in pieces, of which the first may come while the others are made.
    Streamed {
        /// The pieces.
        pieces: FeedStream,
        /// How many bytes there will be, if this body is in memory or was made before.
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

    /// Returns the entity tag of the other form that the caller takes, if there are two: of the plain body where the
    /// preferred one is sent, and of the preferred one where it does not exist yet. A caller that has this form has the
    /// feed.
    #[must_use]
    pub fn other_etag(&self) -> Option<String> {
        let other = if self.encoding == self.wanted {
            Encoding::Identity
        } else {
            self.wanted
        };
        (other != self.encoding).then(|| self.form.etag(other))
    }

    /// Returns the length of the body in bytes, where it is known without making it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.bodies.length(&self.form, self.encoding)
    }

    /// Returns the bytes, if memory has them in one piece and in the form that the request prefers. They are not
    /// copied.
    #[must_use]
    pub fn kept_body(&self) -> Option<Bytes> {
        // Otherwise the preferred form has to be made for the next caller.
        let is_preferred = self.encoding == self.wanted;
        let body = self
            .bodies
            .seen(&self.form, self.encoding, self.now)
            .filter(|_| is_preferred)?;
        match &*body.pieces {
            [] => Some(Bytes::new()),
            [whole] => Some(whole.clone()),
            _ => None,
        }
    }

    /// Returns the bytes; a body that is kept in memory is not copied.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when other callers had the turn all the time, [`FeedError::Internal`] if it cannot be made.
    pub async fn body(&self) -> Result<FeedBody, FeedError> {
        let encodings = (self.encoding, self.wanted);
        let made = self.bodies.body(&self.form, encodings, self.patience).await?;
        let pieces = match made {
            Made::Kept(body) => match &*body.pieces {
                [] => return Ok(FeedBody::Whole(Bytes::new())),
                [whole] => return Ok(FeedBody::Whole(whole.clone())),
                _ => FeedStream::kept(body),
            },
            Made::Growing(growing) => FeedStream::shared(Rereading {
                growing,
                bodies: self.bodies.clone(),
                patience: self.patience,
            }),
            Made::Streamed(pieces) => pieces,
        };
        Ok(FeedBody::Streamed {
            pieces,
            length: self.length(),
        })
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
    /// Returns the bytes of a body that is in memory in one piece.
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
