//! The questions to MISP for a feed.
//!
//! Two questions go to `POST /attributes/restSearch`: the feed's own, and the one for false positives. MISP ignores a
//! filter that it does not understand and then answers *everything*, so both are typed values of `misp-client`, and
//! every row of the answer is checked against them.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use catalogue::LOOKED_UP_FEEDS;
use feed_classification::{Age, IndicatorType, TagScheme};
use misp_client::{AttributeSearch, Published};

use crate::{FeedError, FeedScope, Filter, LookupScope, Selection, Upstream};

/// Returns the question for the rows of a feed.
///
/// It leaves the filter for published events to MISP only if the site sets `published_grace: 0s`: every
/// edit unpublishes an event until its next publication, and all its indicators would be gone meanwhile. See
/// [`crate::publication`].
pub(crate) fn for_feed(
    upstream: &Upstream,
    scope: FeedScope,
    now: jiff::Timestamp,
) -> Result<AttributeSearch, FeedError> {
    check(upstream, scope)?;
    let types = upstream.mappings.attribute_types(scope.kind).to_vec();
    let with_sightings = scope.filter.score().is_some() && upstream.site.score_sightings;
    let search = for_types(upstream, scope.selection, scope.age, types, now)?.include_sightings(with_sightings);
    Ok(if ignores_to_ids(upstream, scope.kind) {
        search
    } else {
        search.to_ids(true)
    })
}

/// Checks, without building a question, that the site defines the feed and everything that its limits are judged by. A
/// list without a MISP is not checked: its source knows its feeds. A tag or type that MISP cannot be asked for fails at
/// the question itself; `site-config` accepts none.
///
/// # Errors
/// [`FeedError::NoDecayingModel`] for a limit on scores at a site whose file names no model,
/// [`FeedError::UndefinedFeed`] for a custom feed without a tag in the site's file.
pub(crate) fn check(upstream: &Upstream, scope: FeedScope) -> Result<(), FeedError> {
    if upstream.auth_key().is_none() {
        return Ok(());
    }
    let site = &upstream.site;
    if scope.filter.score().is_some() && site.decaying_model.is_none() {
        return Err(FeedError::NoDecayingModel);
    }
    match scope.selection {
        // Without a tag the question would be about "everything".
        Selection::Feed(feed) if feed.is_custom() && !site.custom_feeds.contains_key(&feed) => {
            Err(FeedError::UndefinedFeed {
                feed,
                defined: site.custom_feeds.keys().copied().collect(),
            })
        }
        _ => Ok(()),
    }
}

fn for_types(
    upstream: &Upstream,
    selection: Selection,
    age: Age,
    types: Vec<String>,
    now: jiff::Timestamp,
) -> Result<AttributeSearch, FeedError> {
    #[cfg(test)]
    tests::note_built();
    let site = &upstream.site;
    let tags = tag_scheme(upstream);
    let mut search = AttributeSearch::new(types)
        .and_then(|search| search.without_tag(tags.false_positive_tag()))
        .map_err(unaskable)?
        .timestamp_from(age.since(now).as_second())
        .enforce_warninglist(selection.enforces_warninglists())
        .include_event_tags(true)
        .include_all_tags(true)
        .page_size(site.page_size);
    if selection.wants_published() && site.published_grace.is_zero() {
        search = search.published(Published::Yes);
    }
    match selection {
        Selection::Feed(feed) => {
            if let Some(tag) = tags.classification_tag(feed) {
                search = search.with_tag(tag).map_err(unaskable)?;
            } else if feed.needs_tag() {
                // A custom feed without a tag would be "everything".
                return Err(FeedError::UndefinedFeed {
                    feed,
                    defined: site.custom_feeds.keys().copied().collect(),
                });
            }
        }
        // Only the context of an event names its organisation, so that a lost `org` filter can be noticed.
        Selection::Organisation(organisation) => search = search.organisation(organisation).include_context(true),
    }
    Ok(search)
}

/// Returns the questions for values that an analyst called harmless, by tags of attributes and by tags of events.
/// `to_ids`, publication and warning lists do not count.
pub(crate) fn for_false_positives(
    upstream: &Upstream,
    kind: IndicatorType,
    now: jiff::Timestamp,
) -> Result<[AttributeSearch; 2], FeedError> {
    let family: Vec<IndicatorType> = IndicatorType::ALL
        .iter()
        .copied()
        .filter(|other| other.family() == kind.family())
        .collect();
    Ok([
        for_false_positives_of(upstream, &family, now)?,
        for_false_positive_events_of(upstream, &family, now)?,
    ])
}

/// Returns the tag that calls a value harmless at this site.
pub(crate) fn false_positive_tag(upstream: &Upstream) -> String {
    tag_scheme(upstream).false_positive_tag()
}

/// Returns the question by tags of attributes for several types at once.
pub(crate) fn for_false_positives_of(
    upstream: &Upstream,
    kinds: &[IndicatorType],
    now: jiff::Timestamp,
) -> Result<AttributeSearch, FeedError> {
    Ok(harmless(upstream, kinds)?.timestamp_from(false_positives_since(upstream, now)))
}

/// The question for attributes of events that carry the false-positive tag themselves.
///
/// Putting the tag on an event changes the event's time and leaves those of its attributes alone (facts 40, 715 and
/// 716), so the question above misses old attributes. The answer also holds attributes with a tag of their own; see
/// [`crate::tagged_events`].
pub(crate) fn for_false_positive_events_of(
    upstream: &Upstream,
    kinds: &[IndicatorType],
    now: jiff::Timestamp,
) -> Result<AttributeSearch, FeedError> {
    Ok(harmless(upstream, kinds)?.event_timestamp_from(false_positives_since(upstream, now)))
}

/// Returns since when a false-positive tag must have been put on to count, in unix seconds.
fn false_positives_since(upstream: &Upstream, now: jiff::Timestamp) -> i64 {
    upstream.site.falsepositive_timeout.since(now).as_second()
}

fn harmless(upstream: &Upstream, kinds: &[IndicatorType]) -> Result<AttributeSearch, FeedError> {
    let search = AttributeSearch::new(attribute_types(upstream, kinds))
        .and_then(|search| search.with_tag(false_positive_tag(upstream)))
        .map_err(unaskable)?
        .enforce_warninglist(false)
        .include_event_tags(true)
        .include_all_tags(true)
        .page_size(upstream.site.page_size);
    Ok(search)
}

/// Returns the question for the rows of a feed that can be looked up: as for the feed, for several types.
pub(crate) fn for_lookup(
    upstream: &Upstream,
    scope: LookupScope,
    kinds: &[IndicatorType],
    to_ids: bool,
    now: jiff::Timestamp,
) -> Result<AttributeSearch, FeedError> {
    let types = attribute_types(upstream, kinds);
    let site = &upstream.site;
    let search = for_types(upstream, Selection::Feed(scope.feed), scope.age, types, now)?
        .include_sightings(site.decaying_model.is_some() && site.score_sightings);
    Ok(if to_ids { search.to_ids(true) } else { search })
}

/// Returns a number that changes with every setting that changes the contents of an index.
pub(crate) fn lookup_rules(upstream: &Upstream) -> u64 {
    let mut hasher = DefaultHasher::new();
    // An index holds scores, also where no caller asks for them.
    let site = &upstream.site;
    (&site.decaying_model, site.score_sightings).hash(&mut hasher);
    for kind in LOOKED_UP_FEEDS.iter() {
        rules(upstream, kind, Filter::NONE).hash(&mut hasher);
    }
    hasher.finish()
}

fn attribute_types(upstream: &Upstream, kinds: &[IndicatorType]) -> Vec<String> {
    let types: BTreeSet<&String> = kinds
        .iter()
        .flat_map(|kind| upstream.mappings.attribute_types(*kind))
        .collect();
    types.into_iter().cloned().collect()
}

/// Returns a number that changes with every setting that changes the contents of a feed of this kind, so that a reload
/// takes effect at once.
pub(crate) fn rules(upstream: &Upstream, kind: IndicatorType, filter: Filter) -> u64 {
    let site = &upstream.site;
    let mut hasher = DefaultHasher::new();
    site.tag.hash(&mut hasher);
    site.custom_feeds.hash(&mut hasher);
    site.ignore_to_ids.hash(&mut hasher);
    site.falsepositive_timeout.as_str().hash(&mut hasher);
    site.published_grace.hash(&mut hasher);
    site.max_expand.hash(&mut hasher);
    site.guard.hash(&mut hasher);
    filter.rules(site).hash(&mut hasher);
    for other in IndicatorType::ALL
        .iter()
        .filter(|other| other.family() == kind.family())
    {
        upstream.mappings.attribute_types(*other).hash(&mut hasher);
    }
    hasher.finish()
}

fn tag_scheme(upstream: &Upstream) -> TagScheme {
    TagScheme::new(&upstream.site.tag, upstream.site.custom_feeds.clone())
}

/// `ignore_to_ids` may name our type (`ja3`) or one of MISP's (`ja3-fingerprint-md5`); the reference understood only
/// the latter.
pub(crate) fn ignores_to_ids(upstream: &Upstream, kind: IndicatorType) -> bool {
    let ignored = &upstream.site.ignore_to_ids;
    ignored.contains(kind.as_str())
        || upstream
            .mappings
            .attribute_types(kind)
            .iter()
            .any(|name| ignored.contains(name))
}

/// `site-config` lets no tag or type pass that a question cannot hold; a site made in code may have one.
fn unaskable(error: misp_client::Error) -> FeedError {
    FeedError::Unaskable(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use feed_classification::FeedName;

    use super::*;
    use crate::{FeedContents, FeedEngine, FeedRequest, GatherFuture, IndicatorSource, Protocol};

    thread_local! {
        static BUILT: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts a question for a feed, on the thread of the test that built it.
    pub(super) fn note_built() {
        BUILT.set(BUILT.get() + 1);
    }

    #[derive(Debug)]
    struct OneDomain;

    impl IndicatorSource for OneDomain {
        fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a crate::Errand) -> GatherFuture<'a> {
            let values = feed_classification::IndicatorSet::of(scope.kind, ["evil.example"]);
            Box::pin(async { Ok(FeedContents::new(values, std::collections::BTreeMap::new())) })
        }
    }

    fn upstream(yaml: &str) -> Upstream {
        let site = site_config::Site::from_yaml("misp.example.net".parse().unwrap(), yaml).unwrap();
        Upstream::new(
            Arc::new(site),
            Arc::default(),
            Protocol::Https,
            443,
            "k".repeat(40).into(),
        )
    }

    fn request(feed: FeedName) -> FeedRequest {
        FeedRequest::new(Selection::Feed(feed), IndicatorType::Domain, Age::Weeks1, "txt")
    }

    /// Counts on one thread: the runtime of this test has no other.
    #[tokio::test]
    async fn an_answer_out_of_memory_builds_no_question() {
        let engine = FeedEngine::builder().source(Arc::new(OneDomain)).build();
        let upstream = upstream("tag: example\ncustom_feeds: {cust1: ':permanent-block'}");
        for feed in [FeedName::Block, FeedName::Cust1] {
            for _ in 0..100 {
                engine.head(&upstream, &request(feed)).await.unwrap();
                engine.changes(&upstream, request(feed).scope, None).await.unwrap();
            }
        }
        assert_eq!(BUILT.get(), 0);
        for_feed(&upstream, request(FeedName::Block).scope, jiff::Timestamp::now()).unwrap();
        assert_eq!(BUILT.get(), 1, "the counter counts");
    }

    #[test]
    fn a_check_refuses_the_same_feeds_as_the_question() {
        let now = jiff::Timestamp::now();
        for yaml in [
            "tag: example",
            "tag: example\ncustom_feeds: {cust1: ':permanent-block'}",
        ] {
            let upstream = upstream(yaml);
            for &feed in FeedName::ALL {
                let scope = request(feed).scope;
                let (checked, asked) = (check(&upstream, scope), for_feed(&upstream, scope, now));
                assert_eq!(
                    checked.map_err(|error| error.to_string()),
                    asked.map(|_| ()).map_err(|error| error.to_string()),
                    "{feed} at {yaml}"
                );
            }
        }
    }

    #[test]
    fn changed_attribute_types_change_the_feeds_of_their_family_alone() {
        let with = |mappings: &str| {
            let mut upstream = upstream("tag: example");
            upstream.mappings = Arc::new(site_config::Mappings::from_yaml(mappings).unwrap());
            upstream
        };
        let (before, after) = (with("{}"), with("types: {domain: [url]}"));
        let rules = |upstream: &Upstream, kind| rules(upstream, kind, Filter::NONE);
        for (kind, changes) in [
            (IndicatorType::Domain, true),
            (IndicatorType::Hostname, true),
            (IndicatorType::FileMd5, false),
        ] {
            assert_eq!(rules(&before, kind) != rules(&after, kind), changes, "{kind}");
        }
    }
}
