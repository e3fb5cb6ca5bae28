//! A feed of a site as a question to the catalogue. [`crate::question`] asks MISP the same, and both ways give the same
//! values.

use std::sync::Arc;

use catalogue::{Harmless, LOOKED_UP_FEEDS, OmissionReason, Publication, Question, ScoreRule, Selected};
use feed_classification::TagScheme;
use misp_client::Scorer;

use crate::omission::reason_of;
use crate::{FeedError, FeedScope, Filter, LookupScope, Omission, Selection, Unscored, Upstream, question};

/// Returns the question for a feed. `scorer` is needed where the filter of the scope limits scores.
///
/// # Errors
/// As [`question::check`].
pub(crate) fn for_feed(
    upstream: &Upstream,
    scope: FeedScope,
    scorer: Option<Arc<Scorer>>,
    now: jiff::Timestamp,
) -> Result<Question, FeedError> {
    question::check(upstream, scope)?;
    let (site, tags) = (&upstream.site, tag_scheme(upstream));
    let mut asked = Question::new(scope.kind);
    asked.selected = selected(&tags, scope.selection);
    asked.without_tag = Some(tags.false_positive_tag());
    asked.to_ids_only = !question::ignores_to_ids(upstream, scope.kind);
    asked.since = scope.age.since(now).as_second();
    asked.publication = publication(upstream, scope.selection, now);
    asked.without_warned = scope.selection.enforces_warninglists();
    asked.harmless = Some(Harmless {
        tag: tags.false_positive_tag(),
        since: site.falsepositive_timeout.since(now).as_second(),
    });
    asked.guard = site.guard.clone();
    asked.max_tlp = scope.filter.max_tlp();
    asked.default_tlp = site.default_tlp;
    asked.score = scope.filter.score().map(|limit| ScoreRule {
        min: limit.min.get(),
        unscored_counts: limit.unscored == Unscored::Include,
        scorer,
        now: now.as_second(),
    });
    asked.max_expand = site.max_expand;
    Ok(asked)
}

/// Returns the questions for look-ups in a feed: one for each type that can be looked up. Limits of callers do not
/// count in them.
///
/// # Errors
/// As [`question::check`].
pub(crate) fn for_lookup(
    upstream: &Upstream,
    scope: LookupScope,
    now: jiff::Timestamp,
) -> Result<Vec<Question>, FeedError> {
    let of_kind = |kind| {
        let feed = FeedScope {
            selection: Selection::Feed(scope.feed),
            kind,
            age: scope.age,
            filter: Filter::NONE,
        };
        for_feed(upstream, feed, None, now)
    };
    LOOKED_UP_FEEDS.iter().map(of_kind).collect()
}

/// Returns a value that the catalogue left out, as the direct way names it.
pub(super) fn omission(of: catalogue::Omission) -> Omission {
    let mut named = match of.reason {
        OmissionReason::Invalid(reason) => Omission::new(&of.value, reason),
        OmissionReason::Unpublished => Omission::new(&of.value, "its event is not published, or was withdrawn"),
        OmissionReason::Guard(rule) => Omission::new(&of.value, reason_of(rule, &of.value)),
        _ => Omission::new(&of.value, "left out"),
    };
    named.event = of.event;
    named
}

/// Custom feeds without a tag were refused before.
fn selected(tags: &TagScheme, selection: Selection) -> Selected {
    match selection {
        Selection::Feed(feed) => tags
            .classification_tag(feed)
            .map_or(Selected::Everything, Selected::Tag),
        Selection::Organisation(organisation) => Selected::Organisation(organisation),
    }
}

fn publication(upstream: &Upstream, selection: Selection, now: jiff::Timestamp) -> Publication {
    let grace = upstream.site.published_grace;
    if !selection.wants_published() {
        return Publication::AllEvents;
    }
    if grace.is_zero() {
        return Publication::PublishedNow;
    }
    let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
    Publication::AsLastPublished {
        edited_from: now.as_second().saturating_sub(grace),
    }
}

fn tag_scheme(upstream: &Upstream) -> TagScheme {
    TagScheme::new(&upstream.site.tag, upstream.site.custom_feeds.clone())
}
