//! The questions that follow the rows of a feed: which events are unpublished, and which values are harmless. They are
//! asked for one feed, or once for all feeds of a round.

use std::sync::Arc;

use feed_classification::FalsePositives;
use misp_client::Client;

use crate::errand::{Errand, Urgency};
use crate::publication::{Publication, UnpublishedEvents};
use crate::round::{Reading, Wave};
use crate::turns::{Line, Turn};
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, FeedScope, Filter, Upstream, false_positives, question};

/// The parameters of these questions.
pub(crate) struct JudgementQuestions<'a> {
    pub(crate) client: &'a Client,
    pub(crate) upstream: &'a Upstream,
    pub(crate) scope: FeedScope,
    pub(crate) now: jiff::Timestamp,
    pub(crate) remembered: &'a UpstreamMemory,
    pub(crate) line: &'a Line,
    pub(crate) errand: &'a Errand,
}

/// The answers, by which the rows are judged.
pub(crate) struct Judgement {
    pub(crate) publication: Publication,
    pub(crate) harmless: Arc<FalsePositives>,
}

impl JudgementQuestions<'_> {
    /// Asks them. A feed that is `reading` in a round shares the answers, unless a caller waits for it: then it asks
    /// for itself.
    ///
    /// `turn` is the place with which its rows were read; a feed that waits for others gives it back. `bytes` is the
    /// memory of the rows.
    pub(crate) async fn ask(&self, turn: Turn, reading: Option<Reading>, bytes: usize) -> Result<Judgement, FeedError> {
        let is_awaited = self.errand.urgency() == Urgency::Awaited;
        let Some(reading) = reading.filter(|_| !is_awaited) else {
            return self.alone().await;
        };
        drop(turn);
        let wave = reading.finish(bytes);
        let together = async {
            if let Some(round) = self.errand.round() {
                round.complete(&wave).await;
            }
            self.together(&wave).await
        };
        tokio::select! {
            biased;
            judgement = together => judgement,
            // A caller waits for it now.
            () = self.errand.raised_above(Urgency::Followed) => {
                let _turn = self.line.take(self.errand).await?;
                self.alone().await
            }
        }
    }

    async fn alone(&self) -> Result<Judgement, FeedError> {
        let selection = self.scope.selection;
        let publication = Publication::ask(self.client, self.upstream, selection, self.remembered, self.now);
        Ok(Judgement {
            publication: publication.await?,
            harmless: Arc::new(self.harmless().await?),
        })
    }

    async fn together(&self, wave: &Wave) -> Result<Judgement, FeedError> {
        let upstream = self.upstream.id();
        let publication = if Publication::is_asked_for(self.upstream, self.scope.selection) {
            let ask = async {
                let _turn = self.line.take(self.errand).await?;
                UnpublishedEvents::ask(self.client, self.remembered).await
            };
            let unpublished = wave.unpublished.to(upstream.clone(), ask).await?;
            Publication::new(unpublished, self.upstream.site.published_grace, self.now)
        } else {
            Publication::default()
        };
        let ask = async {
            let _turn = self.line.take(self.errand).await?;
            self.harmless().await
        };
        // The number changes with every setting that changes the question.
        let kind = self.scope.kind;
        let rules = question::rules(self.upstream, kind, Filter::NONE);
        let question = (upstream, rules, false_positives::read_as(kind));
        let harmless = wave.harmless.to(question, ask).await?;
        Ok(Judgement { publication, harmless })
    }

    async fn harmless(&self) -> Result<FalsePositives, FeedError> {
        false_positives::ask(self.client, self.upstream, self.scope.kind, self.now).await
    }
}
