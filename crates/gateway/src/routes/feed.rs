//! The feeds: `GET /v1/feed/…`, `GET /v1/vendor/…` and `GET /v1/uuid/…`.

use std::collections::BTreeMap;

use bytes::Bytes;
use feed_classification::Registry;
use feed_engine::{
    Counts, Encoding, FeedBody, FeedError, FeedHead, FeedRequest, FeedScope, FeedStream, Origin, RenderedFeed,
};
use futures_util::{Stream, stream};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};

use serde_json::{Value, json};

use super::feed_options;
use super::feed_path::{self, FeedPath};
use super::feed_query::FeedQuery;
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, Refusal, headers};
use crate::reject::Reject;
use crate::reply::{CutShort, Reply};
use crate::request::Request;
use crate::{accept_encoding, conditional};

pub(super) const NAMED: Route = Route {
    template: "/v1/feed/{feed}/type/{type}/age/{age}/output/{output}",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words: |operation| words(operation.named("feed", "feeds", "A feed")),
};

pub(super) const VENDOR: Route = Route {
    template: "/v1/vendor/{vendor}/feed/{feed}/type/{type}/age/{age}",
    words: |operation| words(operation.named("vendorFeed", "feeds", "A feed as a vendor's devices take it")),
    ..NAMED
};

pub(super) const ORGANISATION: Route = Route {
    template: "/v1/uuid/{uuid}/type/{type}/age/{age}/output/{output}",
    words: |operation| {
        let operation = operation.named("organisationFeed", "feeds", "The indicators of one organisation");
        words(operation.description("Not for tokens that are limited to some feeds."))
    },
    ..NAMED
};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_FEED_HELD: HeaderName = HeaderName::from_static("x-feed-held");
const X_FEED_COUNT: HeaderName = HeaderName::from_static("x-feed-count");
const X_FEED_DROPPED: HeaderName = HeaderName::from_static("x-feed-dropped");
const X_FEED_DROPPED_REASONS: HeaderName = HeaderName::from_static("x-feed-dropped-reasons");
const X_FEED_TRUNCATED: HeaderName = HeaderName::from_static("x-feed-truncated");

/// Answers the whole feed, or 304 if the caller has it already.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let Call { app, request, path } = call;
    let path = FeedPath::of(path);
    let mut wrong = Vec::new();
    let mut wrong_query = Vec::new();
    let query = FeedQuery::read(request.query, &mut wrong_query);
    let filter = limits::of(&grant, request.query, &mut wrong_query);
    let registry = app.engine().registry();
    let options = feed_options::read(path.exporter(registry), request.query, &mut wrong_query);
    let wanted = path.check(grant.site(), registry, filter, &mut wrong);
    wrong.append(&mut wrong_query);
    let Some(wanted) = wanted.filter(|_| wrong.is_empty()) else {
        return Err(Reject::Invalid(wrong));
    };
    wanted.check_scope(&grant.scope)?;

    let mut asked = FeedRequest::new(
        wanted.scope.selection,
        wanted.scope.kind,
        wanted.scope.age,
        wanted.output,
    )
    .encoding(accept_encoding::preferred(request.headers))
    .aggregate(query.aggregate)
    .options(options)
    .filter(wanted.scope.filter);
    (asked.max_age, asked.limit) = (query.max_age, query.limit);
    let refused = |error| limits::refused(error, filter);
    let head = app.engine().head(&grant.upstream, &asked).await.map_err(refused)?;
    // Nothing is rendered for an answer without a body.
    let reply = if conditional::is_unchanged(request.headers, &head.etag, head.changed_at) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else if *request.method == Method::HEAD {
        encoded(Reply::bodiless(head.content_type, head.length()), head.encoding)
    } else {
        whole(rendered(&head, request.version).await.map_err(refused)?)
    };
    let counts = head.counts().await.map_err(refused)?;
    if counts.truncated > 0 {
        app.metrics().feed_truncated(grant.site().name.as_str(), &asked.output);
    }
    let is_empty = counts.count == 0 && counts.dropped == 0;
    app.missing_tags()
        .answered(app.misp(), &grant.upstream, wanted.scope.selection, is_empty);
    app.metrics().feed_answered(grant.site().name.as_str(), head.origin);
    audit(&request, &asked, &head, counts, &reply);
    Ok(limits::with_header(described(reply, &head, counts), asked.scope.filter))
}

/// Logs which token got which feed, so that an operator can find out later which list a device enforced.
fn audit(request: &Request<'_>, asked: &FeedRequest, head: &FeedHead, counts: Counts, reply: &Reply) {
    let FeedScope {
        selection,
        kind,
        age,
        filter,
    } = asked.scope;
    tracing::info!(
        target: "cratosd::audit",
        token_id = request.notes.token_id().map(tracing::field::display),
        label = request.notes.label(),
        client = %request.client,
        site = request.notes.site(),
        feed = selection.name(),
        r#type = kind.as_str(),
        age = age.as_str(),
        output = asked.output,
        options = (!asked.options.is_default()).then(|| tracing::field::display(&asked.options)),
        limits = (!filter.is_none()).then(|| tracing::field::display(filter)),
        etag = head.etag,
        count = counts.count,
        truncated = (counts.truncated > 0).then_some(counts.truncated),
        status = reply.code().as_u16(),
        "feed given"
    );
}

/// Returns the feed in a form whose end the caller can see.
///
/// HTTP/1.0 knows no chunks. Without a length, the end of the connection is the end of the body, and a list that broke
/// off in the middle passes for a whole one. nginx asks by HTTP/1.0 unless `proxy_http_version` says otherwise.
async fn rendered(head: &FeedHead, version: Version) -> Result<RenderedFeed, FeedError> {
    if version < Version::HTTP_11 {
        head.render_measured().await
    } else {
        head.render().await
    }
}

fn whole(feed: RenderedFeed) -> Reply {
    let reply = match feed.body {
        FeedBody::Whole(bytes) => Reply::body(feed.content_type, bytes),
        FeedBody::Streamed { pieces, length } => Reply::pieces(feed.content_type, length, sent(pieces)),
        // The enum is open; a kind that this code does not know cannot be sent.
        _ => Reply::from(Reject::Internal),
    };
    encoded(reply, feed.encoding)
}

fn encoded(reply: Reply, encoding: Encoding) -> Reply {
    match encoding {
        Encoding::Identity => reply,
        encoding => reply.header(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())),
    }
}

/// Returns the pieces of a body that is made while it is sent.
fn sent(pieces: FeedStream) -> impl Stream<Item = Result<Bytes, CutShort>> + Send {
    stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.next().await?.map_err(|error| {
            tracing::error!(
                error = error.chain(),
                "the body of a feed breaks off, and the connection with it"
            );
            CutShort
        });
        Some((piece, pieces))
    })
}

/// Adds the headers of every feed answer, 304 included.
fn described(reply: Reply, feed: &FeedHead, counts: Counts) -> Reply {
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

const HEADERS: [&str; 14] = [
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

fn words(operation: Operation<'_>) -> Operation<'_> {
    let content = content(operation.registry());
    feed_path::describe(operation)
        .query::<Limits>()
        .query::<FeedQuery>()
        .parameters(feed_options::parameters)
        .conditional()
        .answers(
            200,
            json!({
                "description": "The feed, sorted and without duplicates. A body without values is a feed without values, never a fault.",
                "headers": headers(&HEADERS),
                "content": content,
            }),
        )
        .answers(304, json!({ "description": "The caller has the newest version.", "headers": headers(&HEADERS) }))
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

/// Returns every media type that an exporter writes, with those that do.
fn content(registry: &Registry) -> Value {
    let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for about in registry.iter().map(|exporter| exporter.about()) {
        by_type
            .entry(about.content_type)
            .or_default()
            .push(format!("`{}`: {}", about.name, about.summary));
    }
    let entries = by_type.into_iter().map(|(media_type, names)| {
        let schema = json!({ "description": names.join("\n\n") });
        (media_type.to_owned(), json!({ "schema": schema }))
    });
    Value::Object(entries.collect())
}
