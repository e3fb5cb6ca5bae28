//! The explanation of one value in one feed: the reasons of the source, and the effect of the output.

use std::fmt;
use std::sync::Arc;

use feed_classification::{FalsePositives, GuardRule};

use super::FeedEngine;
use crate::bodies::newest_of;
use crate::explain::in_normal_form;
use crate::{FeedError, FeedRequest, OutputEffect, Reasons, Upstream, View, Way};

/// What becomes of one value in one feed.
#[non_exhaustive]
pub struct FeedExplanation {
    /// The value in the form in which feeds have it; as it was given if it is not a value of the feed's type.
    pub value: String,
    /// Whether the feed, as callers get it now, has the value.
    pub is_listed: bool,
    /// The rule of the guard that refuses the value, or cuts it if it is a network.
    pub guard: Option<GuardRule>,
    /// What the output does with it.
    pub output: OutputEffect,
    /// Each attribute that names the value, before each rule; nothing if the source knows no reasons.
    pub reasons: Option<Reasons>,
    /// The way in which the feed is answered.
    pub way: Way,
}

impl fmt::Debug for FeedExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedExplanation")
            .field("value", &self.value)
            .field("is_listed", &self.is_listed)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl FeedEngine {
    /// Explains why the feed of a request has a value or not, and what the output does with it. The value may have any
    /// spelling, also a defanged one.
    ///
    /// `view` says what the caller may know of: an attribute beyond it does not exist in the explanation, as it does
    /// not in feeds.
    ///
    /// # Errors
    /// [`FeedError`], as for the feed itself.
    pub async fn explain(
        &self,
        upstream: &Upstream,
        request: &FeedRequest,
        text: &str,
        view: View,
    ) -> Result<FeedExplanation, FeedError> {
        let prepared = self.prepare(upstream, request)?;
        let feed = self.values_for(&prepared).await?;
        let (exporter, limit) = (Arc::clone(&prepared.exporter), prepared.limit);
        let reasons = self.source().explain(upstream, request.scope, text, view).await?;
        let value = match &reasons {
            Some(reasons) => reasons.explanation.value.clone(),
            None => in_normal_form(request.scope.kind, text).value,
        };
        let (listed, aggregate) = (value.clone(), request.aggregate);
        let judged = self.in_a_place(upstream, "explaining a value", move || {
            let is_listed = feed.set.values().contains(&listed);
            let effect = if is_listed {
                let newest = newest_of(&feed.set, &*exporter, limit);
                OutputEffect::within(&*exporter, &newest, &listed, aggregate)
            } else {
                OutputEffect::NotListed
            };
            (is_listed, effect)
        });
        let (is_listed, output) = judged.await?;
        let guard = match &reasons {
            Some(reasons) => reasons.explanation.guard,
            None => {
                let verdict = upstream
                    .site
                    .guard
                    .judge(request.scope.kind, &value, &FalsePositives::default());
                verdict.rule()
            }
        };
        Ok(FeedExplanation {
            value,
            is_listed,
            guard,
            output,
            reasons,
            way: self.way(upstream),
        })
    }
}
