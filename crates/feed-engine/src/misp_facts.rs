//! Facts about a MISP itself: one question for all callers of the same moment.
//!
//! Any token may ask for them, and nothing about them is kept.

use std::fmt;
use std::sync::Arc;

use cache::Flights;
use misp_client::Client;
use serde_json::Value;
use service_kit::{TraceContext, in_trace};
use tracing::Instrument as _;

use crate::FeedError;
use crate::upstream::UpstreamId;

/// A question about MISP itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Fact {
    Version,
    AttributeStatistics,
}

/// The questions that are under way.
#[derive(Default)]
pub(crate) struct MispFacts(Flights<(UpstreamId, Fact), Arc<Value>, FeedError>);

impl MispFacts {
    /// Returns the answer of MISP that callers wait for already, else that to a new question.
    pub(crate) async fn ask(&self, upstream: UpstreamId, client: Client, fact: Fact) -> Result<Arc<Value>, FeedError> {
        let question = async move {
            let answer = match fact {
                Fact::Version => client.version_json().await,
                Fact::AttributeStatistics => client.attribute_statistics().await,
            };
            answer.map(Arc::new).map_err(FeedError::from)
        };
        let question = in_trace(TraceContext::current(), question.in_current_span());
        let answer = self.0.fly((upstream, fact), move || question).await;
        answer.map_err(FeedError::from)
    }
}

impl fmt::Debug for MispFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MispFacts").finish_non_exhaustive()
    }
}
