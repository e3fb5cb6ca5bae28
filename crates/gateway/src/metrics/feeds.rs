//! The feeds in memory, and the requests to MISP for them.

use std::collections::BTreeMap;

use feed_classification::GuardRule;
use feed_engine::{FeedEngine, HeldFeed, MispSource, Selection, SitePages};
use prometheus_client::registry::Registry;

use super::{Labels, counters, gauges};

/// The most feeds with lines on the page. A site has thousands of possible feeds.
const MAX_FEEDS: usize = 1_000;

/// One feed, whichever MISP key asks for it, by site, name, type, age and limits.
type FeedLabels = (String, String, &'static str, &'static str, String);

pub(crate) fn register(engine: &FeedEngine, misp: &MispSource, registry: &mut Registry) {
    let held = engine.held_feeds();
    gauges(
        registry,
        "feeds",
        "Feeds at hand, once for each MISP key",
        [(Vec::new(), held.len() as f64)],
    );
    let memory = engine.held_bytes();
    gauges(
        registry,
        "memory_bytes",
        "Memory that values and bodies of feeds take",
        [(Vec::new(), memory as f64)],
    );
    let streamed = engine.streamed_bodies().into_iter();
    counters(
        registry,
        "feed_bodies_streamed",
        "Bodies too large to be kept, made for one caller while they were sent",
        streamed.map(|(site, count)| (vec![("site", site)], count as f64)),
    );
    each(registry, &by_labels(held));
    sites(engine, registry);
    pages(misp, registry);
    suspensions(misp, registry);
}

/// Merges feeds with the same labels: values and age are those of the youngest, and a failure of any one counts.
fn by_labels(held: Vec<HeldFeed>) -> BTreeMap<FeedLabels, HeldFeed> {
    let mut feeds = BTreeMap::<FeedLabels, HeldFeed>::new();
    for feed in held {
        // A caller may ask for any UUID, so UUIDs must not become labels.
        let name = match feed.scope.selection {
            Selection::Organisation(_) => "organisation".to_owned(),
            selection => selection.name(),
        };
        let labels = (
            feed.site.clone(),
            name,
            feed.scope.kind.as_str(),
            feed.scope.age.as_str(),
            feed.scope.filter.to_string(),
        );
        let has_room = feeds.len() < MAX_FEEDS;
        match feeds.get_mut(&labels) {
            Some(seen) => {
                let is_failing = seen.refresh_failing || feed.refresh_failing;
                let held_back = seen.held_back.clone().or_else(|| feed.held_back.clone());
                if feed.age < seen.age {
                    *seen = feed;
                }
                seen.refresh_failing = is_failing;
                seen.held_back = held_back;
            }
            None if has_room => {
                feeds.insert(labels, feed);
            }
            None => {}
        }
    }
    feeds
}

fn each(registry: &mut Registry, feeds: &BTreeMap<FeedLabels, HeldFeed>) {
    let each = |value: fn(&HeldFeed) -> Option<f64>| {
        let lines = feeds.iter();
        lines.filter_map(move |(labels, feed)| Some((names_of(labels), value(feed)?)))
    };
    gauges(
        registry,
        "feed_values",
        "Values of a feed, before its output leaves any out",
        each(|feed| Some(feed.count as f64)),
    );
    dropped(registry, feeds);
    gauges(
        registry,
        "feed_age_seconds",
        "Time since MISP was asked for a feed; it grows where nobody asks for it",
        each(|feed| Some(feed.age.as_secs_f64())),
    );
    gauges(
        registry,
        "feed_refresh_failing",
        "Whether the last attempt to ask MISP for a feed failed, so that it is served as it was",
        each(|feed| Some(f64::from(u8::from(feed.refresh_failing)))),
    );
    gauges(
        registry,
        "feed_held",
        "Whether a smaller set of a feed is held back, so that it is served as it was",
        each(|feed| Some(f64::from(u8::from(feed.held_back.is_some())))),
    );
    gauges(
        registry,
        "feed_held_values",
        "Values of the set that is held back",
        each(|feed| Some(feed.held_back.as_ref()?.to as f64)),
    );
    gauges(
        registry,
        "feed_held_since_timestamp_seconds",
        "When a set of the feed was first held back",
        each(|feed| Some(feed.held_back.as_ref()?.since.as_second() as f64)),
    );
}

/// Values that a feed leaves out: a line for each rule of the guard that keeps one out, and one for all reasons why a
/// value is not valid.
fn dropped(registry: &mut Registry, feeds: &BTreeMap<FeedLabels, HeldFeed>) {
    let mut lines = Vec::new();
    for (labels, feed) in feeds {
        let mut by_reason = BTreeMap::<&str, u64>::new();
        for (reason, count) in &feed.dropped {
            let is_rule = GuardRule::NAMES.contains(reason);
            *by_reason.entry(if is_rule { reason } else { "invalid" }).or_default() += count;
        }
        for (reason, count) in by_reason {
            let mut labels = names_of(labels);
            labels.push(("reason", reason.to_owned()));
            lines.push((labels, count as f64));
        }
    }
    gauges(
        registry,
        "feed_dropped_values",
        "Values that a feed leaves out, by the rule of the guard that keeps them out; invalid ones together",
        lines,
    );
}

/// Returns the labels of a feed.
fn names_of((site, name, kind, age, limits): &FeedLabels) -> Labels {
    let mut labels: Labels = vec![
        ("site", site.clone()),
        ("feed", name.clone()),
        ("type", (*kind).to_owned()),
        ("age", (*age).to_owned()),
    ];
    // Without limits the labels are those of older releases.
    labels.extend((!limits.is_empty()).then(|| ("limits", limits.clone())));
    labels
}

/// MISP's time for pages, which shows the cost of warning lists.
fn pages(misp: &MispSource, registry: &mut Registry) {
    let pages = misp.pages();
    let each = |value: fn(&SitePages) -> f64| pages.iter().map(move |seen| (page_labels(seen), value(seen)));
    counters(
        registry,
        "misp_pages",
        "Pages of attributes that MISP sent whole",
        each(|seen| seen.pages as f64),
    );
    counters(
        registry,
        "misp_page_seconds",
        "Time that MISP took for these pages",
        each(|seen| seen.spent.as_secs_f64()),
    );
    counters(
        registry,
        "misp_pages_timed_out",
        "Pages that MISP did not send in time",
        each(|seen| seen.timed_out as f64),
    );
    let sized = pages
        .iter()
        .filter_map(|seen| Some((page_labels(seen), f64::from(seen.rows?))));
    gauges(
        registry,
        "misp_page_rows",
        "Rows that the next page should have, where that is not the site's page_size",
        sized,
    );
}

/// Addresses and keys that are not asked, since questions to them failed again and again.
fn suspensions(misp: &MispSource, registry: &mut Registry) {
    let sites = misp.suspensions();
    let open = sites.iter().flat_map(|(site, seen)| {
        [("address", seen.addresses), ("key", seen.keys)].map(|(of, count)| {
            let labels: Labels = vec![("site", site.clone()), ("of", of.to_owned())];
            (labels, count as f64)
        })
    });
    gauges(
        registry,
        "misp_suspended",
        "Addresses of MISP that do not answer, and keys that MISP refuses: questions to them fail at once",
        open,
    );
    let questions = sites.iter();
    counters(
        registry,
        "misp_questions_suspended",
        "Questions that failed at once for that reason",
        questions.map(|(site, seen)| (vec![("site", site.clone())], seen.questions as f64)),
    );
}

fn page_labels(seen: &SitePages) -> Labels {
    let lists = if seen.warninglists { "yes" } else { "no" };
    vec![("site", seen.site.clone()), ("warninglists", lists.to_owned())]
}

fn sites(engine: &FeedEngine, registry: &mut Registry) {
    let refreshes = engine.refreshes();
    let labelled = |site: &String, outcome: &str| vec![("site", site.clone()), ("outcome", outcome.to_owned())];
    let outcomes = refreshes.iter().flat_map(|(site, seen)| {
        [
            (labelled(site, "ok"), seen.succeeded as f64),
            (labelled(site, "timed_out"), seen.timed_out as f64),
            (labelled(site, "failed"), seen.failed as f64),
        ]
    });
    counters(
        registry,
        "misp_refreshes",
        "Feeds that MISP was asked for, by how that went",
        outcomes,
    );
    let held = refreshes
        .iter()
        .map(|(site, seen)| (vec![("site", site.clone())], seen.held as f64));
    counters(
        registry,
        "feeds_held",
        "Smaller sets of feeds that were held back, each time that one began",
        held,
    );
    let spent = refreshes
        .iter()
        .map(|(site, seen)| (vec![("site", site.clone())], seen.spent.as_secs_f64()));
    counters(
        registry,
        "misp_refresh_seconds",
        "Time that asking MISP for feeds took",
        spent,
    );
    let failing = refreshes
        .iter()
        .map(|(site, seen)| (vec![("site", site.clone())], f64::from(u8::from(seen.is_failing))));
    gauges(
        registry,
        "misp_failing",
        "Whether the MISP of the site fails; not for a port that only a token names and that has never answered",
        failing,
    );
}
