//! The cache that several daemons share: how often it helped, and whether it can be used.

use feed_engine::FeedEngine;
use prometheus_client::registry::Registry;

use super::{counters, gauges};

pub(crate) fn register(engine: &FeedEngine, registry: &mut Registry) {
    let cache = engine.shared_cache();
    let counts = cache.as_ref().map(cache::SharedCache::counts);
    let outcome = |outcome: &str| vec![("outcome", outcome.to_owned())];
    let lookups = counts.into_iter().flat_map(|counts| {
        [
            (outcome("hit"), counts.hits as f64),
            (outcome("miss"), counts.misses as f64),
        ]
    });
    counters(
        registry,
        "shared_cache_lookups",
        "Feeds that were looked for in the shared cache, by whether a replica had put them there",
        lookups,
    );
    let puts = counts.into_iter().flat_map(|counts| {
        [
            (outcome("ok"), counts.puts as f64),
            (outcome("refused"), counts.not_put as f64),
        ]
    });
    counters(
        registry,
        "shared_cache_puts",
        "Feeds for the shared cache; it refuses those that are too large or that it has no room for",
        puts,
    );
    for (name, help, value) in [
        (
            "shared_cache_rejected",
            "Values in the shared cache that were not ours, altered or of another key, and not used",
            counts.map(|counts| counts.rejected),
        ),
        (
            "shared_cache_incomplete",
            "Values in the shared cache that were not whole any more, and not used",
            counts.map(|counts| counts.incomplete),
        ),
        (
            "shared_cache_failures",
            "Questions that the shared cache did not answer, or not in time",
            counts.map(|counts| counts.failures),
        ),
        (
            "shared_cache_skipped",
            "Questions that the shared cache was not asked, as it had failed a moment before",
            counts.map(|counts| counts.skipped),
        ),
    ] {
        counters(registry, name, help, value.map(|value| (Vec::new(), value as f64)));
    }
    let resting = cache.map(|cache| (Vec::new(), f64::from(u8::from(cache.is_resting()))));
    gauges(
        registry,
        "shared_cache_resting",
        "Whether the shared cache is left alone now, as it has failed a moment ago",
        resting,
    );
}
