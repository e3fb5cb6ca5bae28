//! Every route: its path, its methods, and who answers it.
//!
//! To add one: a file in `routes/`, a variant of [`Route`], and a line in each `match` below, which the compiler asks for. It
//! asks for a description in `openapi/operations.rs` too.

mod api_pages;
mod changes;
mod check;
mod clear_cache;
mod feed;
mod feed_path;
mod feed_query;
mod feedmapping;
mod generate_token;
mod healthz;
mod landing;
mod limits;
mod lookup;
mod metrics;
mod openapi;
mod readyz;
mod segments;
mod sightings;
mod static_file;
mod statistics;
mod status;
mod stream;
mod warninglist;

use std::sync::Arc;

use http::Method;

use token_crypto::Permission;

pub(crate) use feed_path::{FeedPath, Of, Output};
pub(crate) use segments::Segments;
pub(crate) use warninglist::Form as WarninglistForm;

use crate::app::App;
use crate::auth::{self, Right};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use warninglist::WarninglistPath;

/// A path that we know, with its variable parts still unchecked: what is wrong with them is told after the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route<'a> {
    /// `/`
    Landing,
    /// `/robots.txt`
    Robots,
    /// `/favicon.ico`
    Favicon,
    /// `/static/…`
    StaticFile(&'a str),
    /// `/healthz`
    Healthz,
    /// `/readyz`
    Readyz,
    /// `/metrics`
    Metrics,
    /// `/v1/status`
    Status,
    /// `/openapi.json`
    OpenApi,
    /// `/v1/openapi.json`
    OpenApiV1,
    /// `/v1/help`
    Help,
    /// `/redoc`
    Redoc,
    /// `/v1/check`
    Check,
    /// `/v1/statistics`
    Statistics,
    /// `/v1/warninglist/…`
    Warninglist(WarninglistPath<'a>),
    /// `/v1/feedmapping`
    FeedMapping,
    /// `/v1/generate_token_json`
    GenerateTokenJson,
    /// `/v1/generate_token_form`
    GenerateTokenForm,
    /// `/v1/feed/…`, `/v1/vendor/…` and `/v1/uuid/…`
    Feed(FeedPath<'a>),
    /// `/v1/lookup`
    Lookup,
    /// `/v1/lookup/…`
    LookupValue(&'a str),
    /// `/v1/sightings`
    Sightings,
    /// `/v1/clear_cache/feed/…`
    ClearCache(FeedPath<'a>),
    /// `/v1/changes/feed/…`
    Changes(FeedPath<'a>),
    /// `/v1/stream/feed/…`
    Stream(FeedPath<'a>),
}

/// What a path with `GET` takes, in the order of the `Allow` header.
const READ: &[Method] = &[Method::GET, Method::HEAD];

impl<'a> Route<'a> {
    /// Returns one route for each template, with nothing in its variable parts, in the order in which the API is described.
    pub(crate) fn one_of_each() -> Vec<Route<'static>> {
        let feed = FeedPath {
            of: Of::Feed(""),
            kind: "",
            age: "",
            output: Output::Named(""),
        };
        vec![
            Route::Feed(feed),
            Route::Feed(FeedPath {
                output: Output::Vendor(""),
                ..feed
            }),
            Route::Feed(FeedPath {
                of: Of::Organisation(""),
                ..feed
            }),
            Route::Changes(feed),
            Route::Stream(feed),
            Route::Lookup,
            Route::LookupValue(""),
            Route::ClearCache(feed),
            Route::Sightings,
            Route::Check,
            Route::FeedMapping,
            Route::Statistics,
            Route::Warninglist(WarninglistPath { id: "", output: "" }),
            Route::GenerateTokenForm,
            Route::GenerateTokenJson,
            Route::Landing,
            Route::Help,
            Route::Redoc,
            Route::OpenApi,
            Route::OpenApiV1,
            Route::Status,
            Route::Healthz,
            Route::Readyz,
            Route::Metrics,
            Route::StaticFile(""),
            Route::Robots,
            Route::Favicon,
        ]
    }

    /// Finds the route of a path by its fixed parts, which are case-sensitive.
    pub(crate) fn parse(parts: &[&'a str]) -> Option<Self> {
        Some(match *parts {
            [""] => Self::Landing,
            ["robots.txt"] => Self::Robots,
            ["favicon.ico"] => Self::Favicon,
            ["static", file] => Self::StaticFile(file),
            ["healthz"] => Self::Healthz,
            ["readyz"] => Self::Readyz,
            ["metrics"] => Self::Metrics,
            ["v1", "status"] => Self::Status,
            ["openapi.json"] => Self::OpenApi,
            ["v1", "openapi.json"] => Self::OpenApiV1,
            ["v1", "help"] => Self::Help,
            ["redoc"] => Self::Redoc,
            ["v1", "check"] => Self::Check,
            ["v1", "statistics"] => Self::Statistics,
            ["v1", "warninglist", "id", id, "output", output] => Self::Warninglist(WarninglistPath { id, output }),
            ["v1", "feedmapping"] => Self::FeedMapping,
            ["v1", "generate_token_json"] => Self::GenerateTokenJson,
            ["v1", "generate_token_form"] => Self::GenerateTokenForm,
            ["v1", "feed", feed, "type", kind, "age", age, "output", output] => Self::Feed(FeedPath {
                of: Of::Feed(feed),
                kind,
                age,
                output: Output::Named(output),
            }),
            ["v1", "vendor", vendor, "feed", feed, "type", kind, "age", age] => Self::Feed(FeedPath {
                of: Of::Feed(feed),
                kind,
                age,
                output: Output::Vendor(vendor),
            }),
            ["v1", "uuid", uuid, "type", kind, "age", age, "output", output] => Self::Feed(FeedPath {
                of: Of::Organisation(uuid),
                kind,
                age,
                output: Output::Named(output),
            }),
            [
                "v1",
                "clear_cache",
                "feed",
                feed,
                "type",
                kind,
                "age",
                age,
                "output",
                output,
            ] => Self::ClearCache(FeedPath {
                of: Of::Feed(feed),
                kind,
                age,
                output: Output::Named(output),
            }),
            ["v1", "sightings"] => Self::Sightings,
            ["v1", "lookup"] => Self::Lookup,
            ["v1", "lookup", value] => Self::LookupValue(value),
            ["v1", "changes", "feed", feed, "type", kind, "age", age] => {
                Self::Changes(FeedPath::without_output(feed, kind, age))
            }
            ["v1", "stream", "feed", feed, "type", kind, "age", age] => {
                Self::Stream(FeedPath::without_output(feed, kind, age))
            }
            _ => return None,
        })
    }

    /// Returns the path with names in place of its variable parts: for logs and metrics, which must not see what the caller wrote.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Landing => "/",
            Self::Robots => "/robots.txt",
            Self::Favicon => "/favicon.ico",
            Self::StaticFile(_) => "/static/{file}",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
            Self::Status => "/v1/status",
            Self::OpenApi => "/openapi.json",
            Self::OpenApiV1 => "/v1/openapi.json",
            Self::Help => "/v1/help",
            Self::Redoc => "/redoc",
            Self::Check => "/v1/check",
            Self::Statistics => "/v1/statistics",
            Self::Warninglist(_) => "/v1/warninglist/id/{id}/output/{output}",
            Self::FeedMapping => "/v1/feedmapping",
            Self::GenerateTokenJson => "/v1/generate_token_json",
            Self::GenerateTokenForm => "/v1/generate_token_form",
            Self::Feed(FeedPath { of, output, .. }) => match (of, output) {
                (_, Output::Vendor(_)) => "/v1/vendor/{vendor}/feed/{feed}/type/{type}/age/{age}",
                (Of::Feed(_), Output::Named(_)) => "/v1/feed/{feed}/type/{type}/age/{age}/output/{output}",
                (Of::Organisation(_), Output::Named(_)) => "/v1/uuid/{uuid}/type/{type}/age/{age}/output/{output}",
            },
            Self::Lookup => "/v1/lookup",
            Self::LookupValue(_) => "/v1/lookup/{value}",
            Self::Sightings => "/v1/sightings",
            Self::Changes(_) => "/v1/changes/feed/{feed}/type/{type}/age/{age}",
            Self::Stream(_) => "/v1/stream/feed/{feed}/type/{type}/age/{age}",
            Self::ClearCache(_) => "/v1/clear_cache/feed/{feed}/type/{type}/age/{age}/output/{output}",
        }
    }

    /// Returns the methods that the path takes.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::GenerateTokenJson | Self::Sightings => &[Method::POST],
            Self::GenerateTokenForm => &[Method::GET, Method::HEAD, Method::POST],
            Self::ClearCache(_) => &[Method::DELETE],
            Self::Lookup => &[Method::GET, Method::HEAD, Method::POST],
            Self::Landing
            | Self::Robots
            | Self::Favicon
            | Self::StaticFile(_)
            | Self::Healthz
            | Self::Readyz
            | Self::Metrics
            | Self::Status
            | Self::OpenApi
            | Self::OpenApiV1
            | Self::Help
            | Self::Redoc
            | Self::Check
            | Self::Statistics
            | Self::Warninglist(_)
            | Self::FeedMapping
            | Self::Feed(_)
            | Self::LookupValue(_)
            | Self::Changes(_)
            | Self::Stream(_) => READ,
        }
    }

    /// Has the route answered: for those that need one, the token is looked at before anything else of the request, and has to be made
    /// for what the route does.
    pub(crate) async fn answer(self, app: &Arc<App>, request: Request<'_>) -> Result<Reply, Reject> {
        auth::until_keys_are_there(app.configuration(), &request).await?;
        let grant = |right| auth::authorise(app.throttle(), &request, right);
        let may = |permission| grant(Right::May(permission));
        match self {
            Self::Landing => landing::get(&request),
            Self::Robots => Ok(landing::robots()),
            Self::Favicon => static_file::get(request.headers, "favicon.ico"),
            Self::StaticFile(name) => static_file::get(request.headers, name),
            Self::Healthz => Ok(healthz::get()),
            Self::Readyz => readyz::get(app, &request),
            Self::Metrics => metrics::get(app, &request),
            Self::Status => status::get(app).await,
            Self::OpenApi | Self::OpenApiV1 => openapi::get(app),
            Self::Help => Ok(api_pages::help()),
            Self::Redoc => Ok(api_pages::redoc()),
            Self::Check => check::get(app, &grant(Right::Feeds)?).await,
            Self::Statistics => statistics::get(app, &grant(Right::Feeds)?).await,
            Self::Warninglist(path) => warninglist::get(app, &grant(Right::Feeds)?, &path).await,
            Self::FeedMapping => Ok(feedmapping::get(&grant(Right::Feeds)?)),
            Self::GenerateTokenJson => generate_token::post(app, &Arc::clone(&request.snapshot), request).await,
            Self::GenerateTokenForm => generate_token::form::answer(app, &Arc::clone(&request.snapshot), request).await,
            Self::Feed(path) => feed::get(app, &request, &grant(Right::Feeds)?, &path).await,
            Self::ClearCache(path) => clear_cache::delete(app, &request, &may(Permission::ClearCache)?, &path),
            Self::Lookup => lookup::answer(app, &may(Permission::Lookup)?, request, None).await,
            Self::LookupValue(value) => lookup::answer(app, &may(Permission::Lookup)?, request, Some(value)).await,
            Self::Sightings => sightings::post(app, request).await,
            Self::Changes(path) => changes::get(app, &request, &may(Permission::Stream)?, &path).await,
            Self::Stream(path) => stream::get(app, &request, &path).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    fn template(path: &str) -> Option<&'static str> {
        let segments = Segments::split(path)?;
        Route::parse(&segments.parts()).map(Route::template)
    }

    #[test]
    fn every_template_is_a_path_of_its_own_route() {
        for route in Route::one_of_each() {
            assert_eq!(template(route.template()), Some(route.template()));
            assert!(!route.methods().is_empty());
        }
    }

    #[test]
    fn one_of_each_leaves_no_template_out() {
        // What no compiler checks: this very file is read for the templates in it.
        let (code, _) = include_str!("routes.rs").split_once("#[cfg(test)]").unwrap();
        let written: BTreeSet<&str> = code
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(',').split_once("=> \"/"))
            .map(|(_, template)| template.trim_end_matches('"'))
            .collect();
        let listed: Vec<_> = Route::one_of_each()
            .into_iter()
            .map(|route| route.template().trim_start_matches('/'))
            .collect();
        assert_eq!(listed.len(), written.len());
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), written);
    }

    #[test]
    fn other_spellings_are_no_routes() {
        for path in [
            "/V1/status",
            "//v1/status",
            "/v1",
            "/docs",
            "/v1/Status",
            "/v1//status",
            "/v1/feed/a/type/b/age/c/output",
            "/static",
            "/static/x/y",
        ] {
            assert_eq!(template(path), None, "{path}");
        }
    }

    #[test]
    fn variable_parts_arrive_decoded() {
        let segments = Segments::split("/v1/feed/%62lock/type/ipv4/age/1w/output/t%2Fx").unwrap();
        let expected = FeedPath {
            of: Of::Feed("block"),
            kind: "ipv4",
            age: "1w",
            output: Output::Named("t/x"),
        };
        assert_eq!(Route::parse(&segments.parts()), Some(Route::Feed(expected)));
    }

    proptest! {
        #[test]
        fn no_parts_make_it_panic(parts in prop::collection::vec("(v1|feed|type|age|output|t|.{0,3})", 0..14)) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            if let Some(route) = Route::parse(&parts) {
                prop_assert!(route.template().starts_with('/'));
            }
        }
    }
}
