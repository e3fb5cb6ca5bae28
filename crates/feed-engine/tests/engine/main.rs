//! The engine against a MISP stand-in: what each feed holds, and what happens when MISP misbehaves.

mod as_published;
mod bytes;
mod failures;
mod false_positives;
mod freshness;
mod lost_filter;
mod paging;
mod question;
mod support;
