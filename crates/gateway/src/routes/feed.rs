//! The feeds: `GET /v1/feed/…`, `GET /v1/vendor/…` and `GET /v1/uuid/…`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use feed_classification::Registry;
use feed_engine::{Counts, FeedBody, FeedError, FeedHead, FeedRequest, FeedStream, Origin};
use futures_util::{Stream, stream};
use http::{HeaderMap, Method, StatusCode, Version, header};

use serde_json::{Value, json};

use super::feed_headers::{HEADERS, described, typed};
use super::feed_options;
use super::feed_path::{self, FeedPath};
use super::feed_query::FeedQuery;
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route, begin};
use crate::answer_log::GivenFeed;
use crate::app::App;
use crate::auth::{self, Grant, Right};
use crate::notes::RequestNotes;
use crate::openapi::{Operation, Refusal, headers};
use crate::prepared_answers::PreparedAnswer;
use crate::reject::Reject;
use crate::reply::{CutShort, Payload, Reply};
use crate::request::{Asking, Request};
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

#[cfg(test)]
pub(crate) const TEMPLATES: [&str; 3] = [NAMED.template, VENDOR.template, ORGANISATION.template];

/// Answers the whole feed, or 304 if the caller has it already.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let prepared = Arc::new(prepare(&call, grant)?);
    let reply = current(call.app, &prepared, &call.request).await?;
    if let Some(name) = call.request.name {
        let answers = call.app.prepared_answers();
        answers.remember(call.request.snapshot.generation, name, prepared);
    }
    Ok(reply)
}

/// Answers a request for a feed that was answered before under the same configuration. Its token is checked again, and
/// its limits count.
pub(crate) async fn answer_again(app: &App, prepared: &PreparedAnswer, request: &Request<'_>) -> Result<Reply, Reject> {
    auth::authorise_again(&prepared.grant, app.throttle(), request.asking())?;
    let _under_way = begin(app, request.asking(), &prepared.grant)?;
    current(app, prepared, request).await
}

/// Answers as [`answer_again`] does, if nothing of the answer has to be waited for; otherwise the request is as if it
/// had not come.
pub(crate) fn answer_at_once(
    app: &App,
    prepared: &PreparedAnswer,
    request: Asking<'_>,
) -> Option<Result<(Reply, Given), Reject>> {
    // A refusal is counted on the long way, and has no part in what memory keeps.
    if !auth::passes_again(&prepared.grant, request) {
        return None;
    }
    let mut head = app.engine().head_at_once(&prepared.feed)?;
    let counts = head.known_counts()?;
    let state = State::of(&mut head, request);
    let payload = match state {
        State::Whole => Payload::Whole(head.kept_body()?),
        state => state.bodiless(&head),
    };
    let answer = || {
        let _under_way = begin(app, request, &prepared.grant)?;
        app.engine().asked_again(&prepared.feed, &head);
        let reply = described_answer(app, prepared, &head, counts, (state.status(), payload));
        let etag = std::mem::take(&mut head.etag);
        let status = state.status();
        Ok((reply, Given { etag, counts, status }))
    };
    Some(answer())
}

/// The facts about a feed that was given, for the log.
pub(crate) struct Given {
    etag: String,
    counts: Counts,
    status: StatusCode,
}

impl Given {
    /// Returns the facts as the log takes them.
    pub(crate) fn told<'a>(
        &'a self,
        prepared: &'a PreparedAnswer,
        client: IpAddr,
        notes: &'a RequestNotes,
    ) -> GivenFeed<'a> {
        GivenFeed {
            client,
            notes,
            asked: &prepared.asked,
            etag: &self.etag,
            count: self.counts.count,
            truncated: self.counts.truncated,
            status: self.status.as_u16(),
        }
    }
}

/// Checks everything about a request that depends on it, its token and the configuration only.
fn prepare(call: &Call<'_>, grant: Grant) -> Result<PreparedAnswer, Reject> {
    let request = &call.request;
    let path = FeedPath::of(call.path);
    let mut wrong = Vec::new();
    let mut wrong_query = Vec::new();
    let query = FeedQuery::read(request.query, &mut wrong_query);
    let filter = limits::of(&grant, request.query, &mut wrong_query);
    let registry = call.app.engine().registry();
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
    let feed = call.app.engine().prepare(&grant.upstream, &asked);
    let feed = feed.map_err(|error| limits::refused(error, filter))?;
    Ok(PreparedAnswer::new(call.template, grant, feed))
}

/// Answers with the feed as it is now: judged here is what changes without a change of the configuration, and what the
/// caller has of it.
async fn current(app: &App, prepared: &PreparedAnswer, request: &Request<'_>) -> Result<Reply, Reject> {
    let asked = prepared.feed.request();
    let refused = |error| limits::refused(error, asked.scope.filter);
    let mut head = app.engine().head_of(&prepared.feed).await.map_err(refused)?;
    let state = State::of(&mut head, request.asking());
    let payload = match state {
        State::Whole => payload(sent_body(&head, request.version).await.map_err(refused)?)?,
        state => state.bodiless(&head),
    };
    let counts = head.counts().await.map_err(refused)?;
    let status = state.status();
    let reply = described_answer(app, prepared, &head, counts, (status, payload));
    let etag = head.etag;
    let given = Given { etag, counts, status };
    app.log()
        .feed_given(&given.told(prepared, request.client, request.notes));
    Ok(reply)
}

/// What the caller gets of a feed.
#[derive(Clone, Copy)]
enum State {
    /// The caller has it already.
    Unchanged,
    /// Only its headers.
    Head,
    Whole,
}

impl State {
    fn of(head: &mut FeedHead, request: Asking<'_>) -> Self {
        if is_unchanged(head, request.headers) {
            Self::Unchanged
        } else if *request.method == Method::HEAD {
            Self::Head
        } else {
            Self::Whole
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Unchanged => StatusCode::NOT_MODIFIED,
            Self::Head | Self::Whole => StatusCode::OK,
        }
    }

    /// Returns the payload of an answer without a body. Nothing is rendered for it.
    fn bodiless(self, head: &FeedHead) -> Payload {
        match self {
            Self::Unchanged => Payload::Bodiless(None),
            Self::Head | Self::Whole => Payload::Bodiless(head.length()),
        }
    }
}

/// Returns the answer with its headers, and counts it.
fn described_answer(
    app: &App,
    prepared: &PreparedAnswer,
    head: &FeedHead,
    counts: Counts,
    (status, payload): (StatusCode, Payload),
) -> Reply {
    count(app, prepared, head, counts);
    prepared.head(status).reply(status, payload, (head, counts), |reply| {
        let reply = match status {
            StatusCode::NOT_MODIFIED => reply,
            _ => typed(reply, head),
        };
        let filter = prepared.feed.request().scope.filter;
        limits::with_header(described(reply, head, counts), filter)
    })
}

/// Returns whether the caller has the feed, in the form that is sent now or in the other one that it takes: a feed is
/// plain until its compressed form is made. The tag of a 304 is that of the form which the caller has.
fn is_unchanged(head: &mut FeedHead, headers: &HeaderMap) -> bool {
    let has_tags = headers.contains_key(header::IF_NONE_MATCH);
    let other = if has_tags { head.other_etag() } else { None };
    if let Some(other) = &other
        && conditional::is_named_exactly(headers, other)
        && !conditional::is_named_exactly(headers, &head.etag)
    {
        // The tag of the compressed form looks like one that a proxy made of the plain one.
        head.etag.clone_from(other);
        return true;
    }
    if conditional::is_unchanged(headers, &head.etag, head.changed_at) {
        return true;
    }
    match other.filter(|etag| conditional::is_named(headers, etag)) {
        Some(other) => {
            head.etag = other;
            true
        }
        None => false,
    }
}

/// Counts the answer, and has MISP asked about the tag of an empty feed.
fn count(app: &App, prepared: &PreparedAnswer, head: &FeedHead, counts: Counts) {
    let (asked, upstream) = (prepared.feed.request(), prepared.feed.upstream());
    let site = upstream.site().name.as_str();
    if counts.truncated > 0 {
        app.metrics().feed_truncated(site, &asked.output);
    }
    let is_empty = counts.count == 0 && counts.dropped == 0;
    app.missing_tags()
        .answered(app.misp(), upstream, asked.scope.selection, is_empty);
    let answers = || app.metrics().feed_answers(site, head.origin);
    match head.origin {
        Origin::Hit => prepared.hits.get_or_init(answers).inc(),
        _ => answers().inc(),
    };
}

/// Returns the bytes of a feed in a form whose end the caller can see.
///
/// HTTP/1.0 knows no chunks. Without a length, the end of the connection is the end of the body, and a list that broke
/// off in the middle passes for a whole one. nginx asks by HTTP/1.0 unless `proxy_http_version` says otherwise.
async fn sent_body(head: &FeedHead, version: Version) -> Result<FeedBody, FeedError> {
    if version < Version::HTTP_11 {
        head.measured_body().await
    } else {
        head.body().await
    }
}

fn payload(body: FeedBody) -> Result<Payload, Reject> {
    match body {
        FeedBody::Whole(bytes) => Ok(Payload::Whole(bytes)),
        FeedBody::Streamed { pieces, length } => Ok(Payload::pieces(length, sent(pieces))),
        // The enum is open; a kind that this code does not know cannot be sent.
        _ => Err(Reject::Internal),
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
