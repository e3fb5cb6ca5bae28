//! The errors between a request and a rendered feed, and whose fault they are.

use std::sync::Arc;

use cache::FlightError;
use feed_classification::{FeedName, IndicatorType};

use crate::model_fault::ModelFault;

/// Whose fault an error is; a server turns it into 4xx, 503/504 or 500.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The request is one that the engine cannot serve.
    Caller,
    /// MISP or a proxy before it failed, or gave an answer that must not be believed.
    Upstream,
    /// A defect or a limit of this crate.
    Ours,
}

/// The reason why a request gets no feed.
///
/// Cloneable, since all callers of one flight get the same error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The custom feed has no tag in the site's file.
    #[error("feed `{feed}` is not defined at this site; its `custom_feeds` define {}", list(.defined))]
    UndefinedFeed {
        /// The feed of the request.
        feed: FeedName,
        /// The custom feeds that the site file defines.
        defined: Vec<FeedName>,
    },
    /// No exporter has this name.
    #[error("output `{output}` is not known; known are {}", list(.known))]
    UnknownOutput {
        /// The name in the request.
        output: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The exporter exists but cannot carry values of this type.
    #[error("output `{output}` cannot carry type `{kind}`; it carries {}", list(.accepts))]
    TypeNotCarried {
        /// The exporter's name.
        output: String,
        /// The type in the request.
        kind: IndicatorType,
        /// The types that this exporter carries.
        accepts: Vec<IndicatorType>,
    },
    /// Networks of this type cannot be aggregated.
    #[error("type `{kind}` has no networks to aggregate; aggregate=1 works with cidr4, cidr6 and ip")]
    NotAggregable {
        /// The type in the request.
        kind: IndicatorType,
    },
    /// A limit on scores at a site whose file names no decaying model.
    #[error("min_score needs the site's `decaying_model`, and its file names none")]
    NoDecayingModel,
    /// The model that the site's file names cannot be used.
    #[error("the `decaying_model` {name:?} of this site cannot be used")]
    DecayingModel {
        /// The name in the site's file.
        name: String,
        /// Why not.
        #[source]
        fault: Arc<ModelFault>,
    },
    /// The site, port or key makes no usable MISP address.
    #[error("the address or key of this MISP is not usable")]
    BadUpstream(#[source] Arc<misp_client::Error>),
    /// A [`MispSource`](crate::MispSource) was given an upstream that has no MISP.
    #[error(
        "upstream `{name}` has no MISP; make it with Upstream::new, or give the engine the source that knows this list"
    )]
    NotAMisp {
        /// The name of the upstream.
        name: String,
    },
    /// A source outside of this crate failed; see [`FeedError::source`].
    #[error("the source of the feed failed")]
    Source(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The site's tags or types cannot be put into a question.
    #[error("MISP cannot be asked for the site's tags or attribute types")]
    Unaskable(#[source] Arc<misp_client::Error>),
    /// MISP could not be asked, or answered with an error.
    #[error("MISP gave no usable answer")]
    Misp(#[source] Arc<misp_client::Error>),
    /// MISP's answer holds rows outside the question: a proxy, for example, has dropped the filter.
    #[error(
        "{strays} of {rows} rows in MISP's answer were not asked for (first: {example}); the answer is refused, since a filter was lost on the way"
    )]
    Strays {
        /// Rows that do not answer the question.
        strays: u64,
        /// Rows read until then.
        rows: u64,
        /// The reason for the first of them; never its value.
        example: String,
    },
    /// Most of MISP's rows have no id, no type or no value.
    #[error("{unusable} of {rows} rows in MISP's answer have no id, no type or no value; the answer is refused")]
    Unusable {
        /// Rows that cannot be used.
        unusable: u64,
        /// All rows.
        rows: u64,
    },
    /// The feed would be larger than this process may hold.
    #[error("the feed has more than {limit} values")]
    TooManyValues {
        /// The largest number of values that is gathered for one feed.
        limit: usize,
    },
    /// The source answers from a copy that MISP has not confirmed for too long.
    #[error("MISP has not confirmed the copy of its events for {seconds} s")]
    Unconfirmed {
        /// The time since the last confirmation, in seconds.
        seconds: u64,
    },
    /// MISP did not answer within the time that the caller waits; the refresh goes on.
    #[error("MISP did not answer within {seconds} s")]
    TimedOut {
        /// The site's time-out in seconds.
        seconds: u64,
    },
    /// Other questions to the same MISP took all places that this one could have.
    #[error(
        "other questions took all places at this MISP for {seconds} s; ask again, or raise max_site_questions if MISP has room for more"
    )]
    NoPlace {
        /// How long the question waited, in seconds.
        seconds: u64,
    },
    /// Requests of other callers took all places for work of this kind.
    #[error("other requests were worked on for {seconds} s; ask again, and raise memory_bytes if bodies are streamed")]
    Busy {
        /// How long the caller waited, in seconds.
        seconds: u64,
    },
    /// Compression, an exporter or a task of the engine failed.
    #[error("{step} failed")]
    Internal {
        /// The step that failed.
        step: &'static str,
        /// The cause.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

impl FeedError {
    /// Returns the error of an [`IndicatorSource`](crate::IndicatorSource) outside of this crate, with
    /// [`Fault::Upstream`]: the engine serves the last good feed, and a server answers 503 where it has none.
    ///
    /// ```
    /// use feed_engine::{Fault, FeedError};
    ///
    /// let error = FeedError::source(std::io::Error::other("list.csv is gone"));
    /// assert_eq!(error.fault(), Fault::Upstream);
    /// assert_eq!(error.chain(), "the source of the feed failed: list.csv is gone");
    /// ```
    pub fn source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Source(Arc::from(error.into()))
    }

    /// Returns whose fault this is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UndefinedFeed { .. }
            | Self::UnknownOutput { .. }
            | Self::TypeNotCarried { .. }
            | Self::NotAggregable { .. }
            | Self::NoDecayingModel => Fault::Caller,
            Self::BadUpstream(_)
            | Self::Misp(_)
            | Self::DecayingModel { .. }
            | Self::Source(_)
            | Self::Strays { .. }
            | Self::Unusable { .. }
            | Self::Unconfirmed { .. }
            | Self::NoPlace { .. }
            | Self::TimedOut { .. } => Fault::Upstream,
            Self::TooManyValues { .. }
            | Self::Busy { .. }
            | Self::Unaskable(_)
            | Self::NotAMisp { .. }
            | Self::Internal { .. } => Fault::Ours,
        }
    }

    /// Returns whether MISP was too slow (a server answers 504 instead of 503).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Misp(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Returns whether MISP itself refused the key of this upstream.
    #[must_use]
    pub fn is_key_refused(&self) -> bool {
        matches!(self, Self::Misp(error) if error.kind() == misp_client::ErrorKind::KeyRefused)
    }

    /// Returns this error and its causes as one line, for a log or an error body: `what: why: why`.
    ///
    /// Nothing in it is secret: neither we nor `misp-client` put keys, tokens or URLs into errors.
    #[must_use]
    pub fn chain(&self) -> String {
        service_kit::chain(self)
    }

    pub(crate) fn internal(step: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal {
            step,
            source: Some(Arc::new(source)),
        }
    }
}

impl From<FlightError<FeedError>> for FeedError {
    fn from(error: FlightError<FeedError>) -> Self {
        match error {
            FlightError::Failed(error) => Self::clone(&error),
            error => Self::internal("a task of ours", error),
        }
    }
}

impl From<misp_client::Error> for FeedError {
    fn from(error: misp_client::Error) -> Self {
        Self::Misp(Arc::new(error))
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
