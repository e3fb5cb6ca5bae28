//! `/v1/lookup`: whether a single value is listed, and where. Log managers and scanners enrich their findings with it.
//!
//! The answers suit Graylog's HTTPJSONPath adapter: a miss is 200 with the same scalars as a hit, and nothing is null.
//! The adapter counts a 404 or a null as an error and caches it.

mod answer;
mod question;
mod words;

use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::{Filter, Judge, LookupIndex, LookupScope, Query, Upstream};
use http::Method;
use http::header;
use token_crypto::{Allowed, Permission, Scope};

pub(super) use self::answer::permits_type;
use self::answer::{Answer, Answers};
use self::question::Question;
use super::limits;
use super::route::{Call, Handler, READ, Route};
use crate::app::App;
use crate::auth::{Grant, Right};
use crate::body;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/lookup",
    methods: &[Method::GET, Method::HEAD, Method::POST],
    handler: HANDLER,
    words: words::query_or_body,
};

pub(super) const VALUE: Route = Route {
    template: "/v1/lookup/{value}",
    methods: READ,
    handler: HANDLER,
    words: words::path,
};

const HANDLER: Handler = Handler::Granted(Right::May(Permission::Lookup), |call, grant| {
    Box::pin(answer(call, grant))
});

/// The largest body of a question about many values, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The most matches that one feed adds to `count`.
const MAX_COUNTED: usize = 1_000;

/// The most matches in the answer about one value; `count` has the number of all.
const MAX_MATCHES: usize = 50;

/// Looks one value up (`GET`), or up to a thousand (`POST`).
async fn answer(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let Call { app, request, path, .. } = call;
    let (query, is_post) = (request.query, *request.method == Method::POST);
    let question = if is_post {
        Question::from_body(&body::read(request.headers, request.body, MAX_BODY_BYTES).await?, query)?
    } else {
        Question::from_query(query, path.get("value"))?
    };
    let filter = grant.filter().and(question.options.limits.filter());
    let feeds = feeds(&grant, question.options.feed)?;
    let indexes = indexes(app, &grant, &feeds, question.options.age, filter).await?;
    for indexed in &indexes {
        indexed.index.judgeable(filter)?;
    }
    let fresh_for = indexes.iter().map(|index| index.fresh_for).min().unwrap_or_default();
    let search = Search {
        judge: Judge::new(filter, grant.site()),
        scope: grant.scope.clone(),
        context: grant.scope.permits(Permission::Context).then(|| grant.upstream.clone()),
        indexes,
    };
    let reply = if is_post {
        // A thousand values with many matches each take a moment: off the threads that serve sockets.
        let values = question.values;
        let work = move || {
            let results: Vec<Answer> = values.iter().map(|value| search.look_up(value)).collect();
            Reply::json(&Answers { results: &results })
        };
        let engine = app.engine();
        engine.in_a_place(&grant.upstream, "looking values up", work).await??
    } else {
        let value = question.values.first().map(String::as_str).unwrap_or_default();
        Reply::json(&search.look_up(value))?
    };
    let reply = reply.header_text(
        header::CACHE_CONTROL,
        &format!("private, max-age={}", fresh_for.as_secs()),
    );
    Ok(limits::with_header(reply, filter))
}

/// An index with the feed that it is about.
struct FeedIndex {
    feed: FeedName,
    index: LookupIndex,
    fresh_for: Duration,
}

/// Returns the feeds to look through: the one in the question, or else those that the token is limited to, or else
/// `any`.
fn feeds(grant: &Grant, asked: Option<FeedName>) -> Result<Vec<FeedName>, Reject> {
    let exists = |feed: &FeedName| !feed.is_custom() || grant.site().custom_feeds.contains_key(feed);
    if let Some(feed) = asked {
        if !grant.scope.permits_feed(feed.as_str()) {
            return Err(Reject::Forbidden(format!("This token does not cover feed `{feed}`.")));
        }
        return Ok(vec![feed]);
    }
    if grant.scope.feeds == Allowed::All {
        return Ok(vec![FeedName::Any]);
    }
    let permitted = |feed: &&FeedName| grant.scope.permits_feed(feed.as_str());
    let feeds: Vec<FeedName> = FeedName::ALL.iter().filter(permitted).copied().collect();
    // Neither a miss nor 403 would be true: the token is good, and the file of the site has lost a feed.
    if feeds.is_empty() || !feeds.iter().all(exists) {
        return Err(Reject::unavailable("A feed of this token is not defined at its site."));
    }
    Ok(feeds)
}

async fn indexes(
    app: &App,
    grant: &Grant,
    feeds: &[FeedName],
    age: Age,
    filter: Filter,
) -> Result<Vec<FeedIndex>, Reject> {
    let mut indexes = Vec::with_capacity(feeds.len());
    for &feed in feeds {
        let scope = LookupScope { feed, age };
        let index = app.engine().lookup_index(&grant.upstream, scope).await;
        let (index, fresh_for) = index.map_err(|error| limits::refused(error, filter))?;
        indexes.push(FeedIndex { feed, index, fresh_for });
    }
    Ok(indexes)
}

/// The indexes that one question looks through, and the rights of its token.
struct Search {
    scope: Scope,
    judge: Judge,
    /// MISP itself, for tokens that may know where values come from.
    context: Option<Upstream>,
    indexes: Vec<FeedIndex>,
}

impl Search {
    fn look_up(&self, value: &str) -> Answer {
        let query = Query::asking(value);
        let mut answer = Answer::miss(value, query.looked_up(), self.context.as_ref());
        for indexed in &self.indexes {
            for found in indexed.index.find(&query, &self.judge, MAX_COUNTED) {
                if permits_type(&self.scope, found.kind) {
                    answer.add(indexed.feed, found, MAX_MATCHES);
                }
            }
        }
        answer
    }
}
