//! The headers of a feed.

use feed_engine::{Counts, Encoding, FeedHead, Origin};
use http::header::{self, HeaderName, HeaderValue};

use crate::conditional;
use crate::reply::Reply;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_FEED_HELD: HeaderName = HeaderName::from_static("x-feed-held");
const X_FEED_COUNT: HeaderName = HeaderName::from_static("x-feed-count");
const X_FEED_DROPPED: HeaderName = HeaderName::from_static("x-feed-dropped");
const X_FEED_DROPPED_REASONS: HeaderName = HeaderName::from_static("x-feed-dropped-reasons");
const X_FEED_TRUNCATED: HeaderName = HeaderName::from_static("x-feed-truncated");

/// The headers that a feed may have, as the OpenAPI document names them.
pub(super) const HEADERS: [&str; 14] = [
    "ETag",
    "Last-Modified",
    "Cache-Control",
    "Age",
    "Vary",
    "Content-Encoding",
    "Warning",
    "X-Cache",
    "X-Feed-Count",
    "X-Feed-Dropped",
    "X-Feed-Dropped-Reasons",
    "X-Feed-Held",
    "X-Feed-Limits",
    "X-Feed-Truncated",
];

/// Adds the headers of an answer with a body.
pub(super) fn typed(reply: Reply, head: &FeedHead) -> Reply {
    let reply = reply.header(header::CONTENT_TYPE, HeaderValue::from_static(head.content_type));
    match head.encoding {
        Encoding::Identity => reply,
        encoding => reply.header(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())),
    }
}

/// Adds the headers of every feed answer, 304 included.
pub(super) fn described(reply: Reply, feed: &FeedHead, counts: Counts) -> Reply {
    let x_cache = match feed.origin {
        Origin::Hit => "HIT",
        Origin::Miss => "MISS",
        _ => "STALE",
    };
    let reply = reply
        .header_text(header::ETAG, &feed.etag)
        .header_text(header::LAST_MODIFIED, &conditional::http_date(feed.changed_at))
        .header_text(
            header::CACHE_CONTROL,
            &format!("private, max-age={}", feed.fresh_for.as_secs()),
        )
        .header(header::AGE, HeaderValue::from(feed.age.as_secs()))
        .header(header::VARY, HeaderValue::from_static("Accept-Encoding"))
        .header(X_CACHE, HeaderValue::from_static(x_cache))
        .header(X_FEED_COUNT, HeaderValue::from(counts.count))
        .header(X_FEED_DROPPED, HeaderValue::from(counts.dropped));
    let reply = match reasons(feed, counts) {
        reasons if reasons.is_empty() => reply,
        reasons => reply.header_text(X_FEED_DROPPED_REASONS, &reasons),
    };
    let reply = match &feed.held_back {
        Some(held) if feed.origin == Origin::Stale => {
            let text = format!("from={}, to={}, since={}", held.from, held.to, held.since);
            reply.header_text(X_FEED_HELD, &text)
        }
        _ => reply,
    };
    let reply = match truncation(feed, counts) {
        Some(truncation) => reply.header_text(X_FEED_TRUNCATED, &truncation),
        None => reply,
    };
    if feed.refresh_failing && feed.origin == Origin::Stale {
        return reply.header(header::WARNING, HeaderValue::from_static("110 - \"Response is Stale\""));
    }
    reply
}

/// Returns the number of dropped values by reason, as a dictionary of structured fields (RFC 9651), for example
/// `bad_label=2, special_purpose=1`. The numbers add up to `X-Feed-Dropped`.
fn reasons(feed: &FeedHead, counts: Counts) -> String {
    let of_values = feed.dropped().iter().map(|(reason, count)| (*reason, *count));
    let all = of_values.chain([("quarantined", counts.quarantined)]);
    let named = all.filter(|(_, count)| *count > 0);
    let texts: Vec<String> = named.map(|(reason, count)| format!("{reason}={count}")).collect();
    texts.join(", ")
}

/// Returns how many values the length limit leaves out, the limit, and which values are in the list instead, as a
/// dictionary of structured fields; nothing where all are in it.
fn truncation(feed: &FeedHead, counts: Counts) -> Option<String> {
    let limit = feed.limit.filter(|_| counts.truncated > 0)?;
    let kept = if limit.keeps_newest { "newest" } else { "first" };
    Some(format!(
        "truncated={}, limit={}, kept={kept}",
        counts.truncated, limit.most
    ))
}
