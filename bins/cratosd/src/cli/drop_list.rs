//! What `cratosd feed --show-dropped` shows: every value that MISP has and the feed leaves out.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use feed_classification::IndicatorSet;
use feed_engine::{
    Errand, FeedEngine, FeedScope, GatherFuture, IndexFuture, IndicatorSource, LookupScope, MispSource, Omission,
    Upstream,
};

/// More lines than this are no help; the rest is counted.
pub(super) const MOST_NAMED: usize = 100_000;

/// What one gathering left out, and what it found.
#[derive(Debug, Default)]
pub(super) struct Dropped(Mutex<Option<Gathered>>);

#[derive(Debug)]
struct Gathered {
    left_out: Vec<Omission>,
    more: usize,
    values: IndicatorSet,
}

impl Dropped {
    /// Returns a line for each value that was left out, also by the format `output`, and one for those that are not named.
    pub(super) fn shown(&self, engine: &FeedEngine, output: &str) -> String {
        let gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let Some(gathered) = gathered.as_ref() else { return text };
        let mut line = |left_out: &Omission| {
            let _ = writeln!(text, "dropped: {left_out}");
        };
        gathered.left_out.iter().for_each(&mut line);
        if let Some(exporter) = engine.registry().by_name(output) {
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

/// Asks MISP, and notes what is left out.
#[derive(Debug)]
pub(super) struct Noting {
    pub(super) misp: MispSource,
    pub(super) dropped: Arc<Dropped>,
}

impl IndicatorSource for Noting {
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            let gathered = self.misp.gather(upstream, scope, errand).await?;
            let noted = Gathered {
                left_out: gathered.left_out.clone(),
                more: gathered.more_left_out,
                values: gathered.values.clone(),
            };
            *self.dropped.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
            Ok(gathered)
        })
    }

    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> IndexFuture<'a> {
        self.misp.index(upstream, scope, errand)
    }
}
