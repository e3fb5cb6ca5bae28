//! The engine against a MISP stand-in: what each feed holds, and what happens when MISP misbehaves.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod announcements;
mod both_ways;
mod bytes;
mod copies;
mod explanations;
mod facts;
mod failures;
mod false_positives;
mod freshness;
mod growing_bodies;
mod guard;
mod large_bodies;
mod length_limits;
mod limits;
mod listeners;
mod lookup;
mod lookup_types;
mod lookups_both_ways;
mod lost_filter;
mod mirror_bench;
mod mirror_damage;
mod mirror_files;
mod mirror_lookups;
mod mirror_peers;
mod mirror_scores;
mod mirror_shrinkage;
mod mirror_tries;
mod mirrors;
mod omissions;
mod page_size;
mod paging;
mod patience;
mod prefetch;
mod publication;
mod question;
mod rounds;
mod scores;
mod scripted_source;
mod shared_cache;
mod shared_trouble;
mod shrinkage;
mod spellings;
mod stalls;
mod support;
mod suspensions;
mod withdrawals;
