//! `/v1/lookup`: what is known of a single value, for log lines and findings.
//!
//! Made for Graylog's HTTPJSONPath adapter: always 200 with scalars, a miss too, and never null. To that adapter a 404 or a null is an
//! error, which it counts and keeps.

mod answer;
mod question;
mod words;

use std::sync::Arc;
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

/// Matches that are looked at in one feed: `count` goes no further.
const MAX_COUNTED: usize = 1_000;

/// Matches that are told of one value; how many there are stands in `count`.
const MAX_MATCHES: usize = 50;

/// Looks one value up (`GET`), or up to a thousand (`POST`).
async fn answer(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let Call { app, request, path } = call;
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
    let looking = Looking {
        judge: Judge::new(filter, grant.site()),
        scope: grant.scope.clone(),
        context: grant.scope.permits(Permission::Context).then(|| grant.upstream.clone()),
        indexes,
    };
    let reply = if is_post {
        // A thousand values with many matches each take a moment: off the threads that serve sockets.
        let values = question.values;
        let work = tokio::task::spawn_blocking(move || {
            let results: Vec<Answer> = values.iter().map(|value| looking.look_up(value)).collect();
            Reply::json(&Answers { results: &results })
        });
        work.await
            .map_err(|error| Reject::internal("looking values up", &error))??
    } else {
        let value = question.values.first().map(String::as_str).unwrap_or_default();
        Reply::json(&looking.look_up(value))?
    };
    let reply = reply.header_text(
        header::CACHE_CONTROL,
        &format!("private, max-age={}", fresh_for.as_secs()),
    );
    Ok(limits::told(reply, filter))
}

/// An index with the feed that it is about.
struct Indexed {
    feed: FeedName,
    index: Arc<LookupIndex>,
    fresh_for: Duration,
}

/// Returns the feeds that are looked through: the one that is asked for, else those that the token is limited to, else all there is.
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
    // "Not found" would be wrong where nobody can look, and 403 too: the token is right, the site's file has lost a feed.
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
) -> Result<Vec<Indexed>, Reject> {
    let mut indexes = Vec::with_capacity(feeds.len());
    for &feed in feeds {
        let scope = LookupScope { feed, age };
        let index = app.engine().lookup_index(&grant.upstream, scope).await;
        let (index, fresh_for) = index.map_err(|error| limits::refused(error, filter))?;
        indexes.push(Indexed { feed, index, fresh_for });
    }
    Ok(indexes)
}

/// What one question looks through, and as whom.
struct Looking {
    scope: Scope,
    judge: Judge,
    /// MISP itself, for tokens that may know where values come from.
    context: Option<Upstream>,
    indexes: Vec<Indexed>,
}

impl Looking {
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
