//! One request for a feed, as a value.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use feed_classification::{Age, FeedName, IndicatorType, Options};
use uuid::Uuid;

use crate::{Encoding, Filter};

/// The attributes of a MISP that make a feed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Selection {
    /// Those that carry the classification tag of a feed name (all, for `any` and `42`).
    Feed(FeedName),
    /// Those that one organisation created.
    Organisation(Uuid),
}

impl Selection {
    /// Returns the feed's name, or the organisation's UUID.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Feed(feed) => feed.as_str().to_owned(),
            Self::Organisation(organisation) => organisation.to_string(),
        }
    }

    /// Returns whether only published events count (design 9).
    #[must_use]
    pub fn wants_published(self) -> bool {
        match self {
            Self::Feed(feed) => feed.wants_published(),
            Self::Organisation(_) => true,
        }
    }

    /// Returns whether MISP removes values of its warning lists.
    #[must_use]
    pub fn enforces_warninglists(self) -> bool {
        match self {
            Self::Feed(feed) => feed.enforces_warninglists(),
            Self::Organisation(_) => true,
        }
    }
}

/// The greatest length limit that a caller can choose; a feed never has as many indicators.
pub const MAX_LIMIT: u32 = 10_000_000;

/// The scope of a feed: a selection × an indicator type × an age, within limits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FeedScope {
    /// Which attributes.
    pub selection: Selection,
    /// The type of indicator that is extracted from them.
    pub kind: IndicatorType,
    /// How recently an attribute must have changed.
    pub age: Age,
    /// The limits of the caller.
    pub filter: Filter,
}

impl fmt::Display for FeedScope {
    /// Writes the feed as its URL names it, with its limits as a query: `block/ipv4/1m?max_tlp=amber`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.selection.name(), self.kind, self.age)?;
        let limits = self.filter.to_string();
        if !limits.is_empty() {
            write!(f, "?{limits}")?;
        }
        Ok(())
    }
}

/// The scope of a look-up: a feed, as far back as an age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LookupScope {
    /// Which feed.
    pub feed: FeedName,
    /// How recently an attribute must have changed.
    pub age: Age,
}

/// One request: a feed, its form, and the greatest age of the answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeedRequest {
    /// The scope of the feed.
    pub scope: FeedScope,
    /// Name of the exporter (`txt`, `json`, …).
    pub output: String,
    /// The compression that the caller prefers; it takes plain bodies too. See [`FeedHead::encoding`](crate::FeedHead).
    pub encoding: Encoding,
    /// Whether networks are merged into the smallest set that covers the same addresses.
    pub aggregate: bool,
    /// The greatest number of indicators in the body; the newest stay. It narrows the limit of the output
    /// ([`About::most`](feed_classification::About::most)) and never widens it.
    pub limit: Option<NonZeroU32>,
    /// What the caller chose about the output.
    pub options: Options,
    /// The oldest answer that the caller accepts; `None` leaves it to the site's soft expiry.
    pub max_age: Option<Duration>,
}

impl FeedRequest {
    /// Returns a request for the plain body of a feed in one output, without limits.
    #[must_use]
    pub fn new(selection: Selection, kind: IndicatorType, age: Age, output: impl Into<String>) -> Self {
        Self {
            scope: FeedScope {
                selection,
                kind,
                age,
                filter: Filter::NONE,
            },
            output: output.into(),
            encoding: Encoding::Identity,
            aggregate: false,
            limit: None,
            options: Options::default(),
            max_age: None,
        }
    }

    /// Sets the limits within which attributes count.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.scope.filter = filter;
        self
    }

    /// Sets the compression that the caller prefers.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets whether networks are merged.
    #[must_use]
    pub fn aggregate(mut self, aggregate: bool) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// Sets the greatest number of indicators in the body; callers take numbers up to [`MAX_LIMIT`].
    #[must_use]
    pub fn limit(mut self, limit: NonZeroU32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets what the caller chose about the output: read from the options that its exporter declares.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the oldest answer that the caller accepts.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::Tlp;

    use super::*;

    #[test]
    fn a_feed_is_named_as_its_url_names_it() {
        let scope = FeedScope {
            selection: Selection::Feed(FeedName::Block),
            kind: IndicatorType::Ipv4,
            age: Age::Months1,
            filter: Filter::NONE,
        };
        assert_eq!(scope.to_string(), "block/ipv4/1m");
        let filter = Filter::NONE.with_max_tlp(Tlp::Amber);
        assert_eq!(FeedScope { filter, ..scope }.to_string(), "block/ipv4/1m?max_tlp=amber");
        let selection = Selection::Organisation(Uuid::nil());
        let organisation = FeedScope { selection, ..scope }.to_string();
        assert_eq!(organisation, "00000000-0000-0000-0000-000000000000/ipv4/1m");
    }
}
