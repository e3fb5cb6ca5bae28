//! The values that a feed leaves out, for `cratosd feed --show-dropped`.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use catalogue::View;
use feed_classification::IndicatorSet;
use feed_classification::export::configured;

use crate::engine::FeedEngine;
use crate::errand::Errand;
use crate::omission::Omission;
use crate::request::{FeedRequest, FeedScope, LookupScope};
use crate::source::{ExplainFuture, GatherFuture, IndexFuture, IndicatorSource};
use crate::upstream::Upstream;

/// The most values that are named; further ones are counted.
pub const MAX_NAMED: usize = 100_000;

/// The values that one gathering found and left out.
#[derive(Debug, Default)]
pub struct DropList(Mutex<Option<Gathered>>);

#[derive(Debug)]
struct Gathered {
    left_out: Vec<Omission>,
    more: usize,
    values: IndicatorSet,
}

impl DropList {
    /// Returns a line for each value that the feed or the format of the request leaves out, and a last one with the
    /// number of further values.
    #[must_use]
    pub fn text(&self, engine: &FeedEngine, request: &FeedRequest) -> String {
        let gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let Some(gathered) = gathered.as_ref() else { return text };
        let mut line = |left_out: &Omission| {
            let _ = writeln!(text, "dropped: {left_out}");
        };
        gathered.left_out.iter().for_each(&mut line);
        let output = &request.output;
        if let Some(exporter) = engine.registry().by_name(output) {
            let exporter = configured(exporter, &request.options);
            let accepted = gathered
                .values
                .indicators()
                .filter(|item| exporter.about().accepts.contains(item.kind));
            for item in accepted {
                if let Some(reason) = exporter.leaves_out(&item) {
                    let reason = format!("the format {output} cannot express it ({reason})");
                    line(&Omission::new(item.value, reason));
                }
            }
        }
        if gathered.more > 0 {
            let _ = writeln!(text, "dropped: {} more", gathered.more);
        }
        text
    }
}

/// A source that keeps the list of values which another source left out.
#[derive(Debug)]
pub struct RecordingSource {
    /// The source that is asked.
    pub source: Arc<dyn IndicatorSource>,
    /// The values that its last answer left out.
    pub dropped: Arc<DropList>,
}

impl IndicatorSource for RecordingSource {
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            let gathered = self.source.gather(upstream, scope, errand).await?;
            let kept = Gathered {
                left_out: gathered.left_out.clone(),
                more: gathered.more_left_out,
                values: gathered.values.clone(),
            };
            *self.dropped.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
            Ok(gathered)
        })
    }

    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> IndexFuture<'a> {
        self.source.index(upstream, scope, errand)
    }

    fn explain<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, text: &'a str, view: View) -> ExplainFuture<'a> {
        self.source.explain(upstream, scope, text, view)
    }
}
