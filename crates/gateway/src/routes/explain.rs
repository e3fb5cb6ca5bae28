//! `GET /v1/explain/feed/…`: why a value is in a feed or not, and what the output does with it.

mod answer;

use feed_engine::{FeedRequest, View};
use schemars::JsonSchema;
use token_crypto::{Allowed, Permission};

use self::answer::Explained;
use super::feed_options;
use super::feed_path::{self, FeedPath};
use super::feed_query::FeedQuery;
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::invalid::Invalid;
use crate::openapi::{Operation, Refusal};
use crate::query::Query;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/explain/feed/{feed}/type/{type}/age/{age}/output/{output}",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The longest value that is looked at, in bytes, as in look-ups.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// The value of the question.
#[derive(JsonSchema)]
struct Asked {
    /// The value in any spelling; a defanged one (`evil[.]example`) too.
    #[schemars(length(max = MAX_VALUE_BYTES), example = &"192.0.2.1")]
    value: String,
}

impl Asked {
    fn read(query: Query<'_>, wrong: &mut Vec<Invalid>) -> Option<Self> {
        let Some(value) = query.last("value") else {
            wrong.push(Invalid::missing(&["query", "value"]));
            return None;
        };
        if value.len() > MAX_VALUE_BYTES {
            let message = format!("String should have at most {MAX_VALUE_BYTES} bytes");
            wrong.push(Invalid::new("string_too_long", &["query", "value"], message));
            return None;
        }
        Some(Self {
            value: value.into_owned(),
        })
    }
}

/// Explains a value within the limits of the token. An attribute beyond them does not exist; the limits of the query
/// are rules like others.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    grant.check(Right::May(Permission::Context))?;
    let Call { app, request, path, .. } = call;
    let path = FeedPath::of(path);
    let (mut wrong, mut wrong_query) = (Vec::new(), Vec::new());
    let asked = Asked::read(request.query, &mut wrong_query);
    let query = FeedQuery::read(request.query, &mut wrong_query);
    let filter = limits::of(&grant, request.query, &mut wrong_query);
    let registry = app.engine().registry();
    let options = feed_options::read(path.exporter(registry), request.query, &mut wrong_query);
    let wanted = path.check(grant.site(), registry, filter, &mut wrong);
    wrong.append(&mut wrong_query);
    let (Some(wanted), Some(asked), true) = (wanted, asked, wrong.is_empty()) else {
        return Err(Reject::Invalid(wrong));
    };
    wanted.check_scope(&grant.scope)?;
    let feed = wanted.scope;
    let mut of_feed = FeedRequest::new(feed.selection, feed.kind, feed.age, wanted.output)
        .aggregate(query.aggregate)
        .options(options)
        .filter(feed.filter);
    of_feed.limit = query.limit;
    let mut view = View::up_to(grant.filter().max_tlp());
    if grant.scope.feeds != Allowed::All || grant.scope.types != Allowed::All {
        view = view.within_feed();
    }
    let explained = app.engine().explain(&grant.upstream, &of_feed, &asked.value, view);
    let explained = explained.await.map_err(|error| limits::refused(error, filter))?;
    let reply = Reply::json(&Explained::of(&explained, &grant.upstream.address()))?;
    Ok(limits::with_header(reply, filter))
}

const ABOUT: &str = "\
For tokens with the permission `context`. Lists each attribute that names the value, within the limits of the token, and whether each rule of \
the feed lets it pass. A token that is limited to feeds or types gets only published attributes of the feed. `limits` of the query count as rules.";

fn words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named("explain", "feeds", "Why a value is in a feed or not")
        .description(ABOUT);
    feed_path::describe(operation)
        .query::<Asked>()
        .query::<Limits>()
        .query::<FeedQuery>()
        .parameters(feed_options::parameters)
        .answers_with::<Explained<'_>>(200, "The explanation, also of a value that MISP does not know.")
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}
