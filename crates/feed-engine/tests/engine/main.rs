//! The engine against a MISP stand-in: what each feed holds, and what happens when MISP misbehaves.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod ahead;
mod as_published;
mod bytes;
mod emptied;
mod failures;
mod false_positives;
mod following;
mod freshness;
mod large_bodies;
mod left_out;
mod limits;
mod lookup;
mod lookup_types;
mod lost_filter;
mod page_size;
mod paging;
mod question;
mod rounds;
mod scores;
mod scripted;
mod shared;
mod shared_trouble;
mod spellings;
mod stalls;
mod support;
mod waiting;
mod withdrawn;
