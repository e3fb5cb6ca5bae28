//! What each route does, in words and shapes.

mod daemon;
mod feeds;
mod following;
mod lookup;
mod sightings;
mod site;
mod tokens;

use feed_classification::Registry;
use http::Method;

use super::operation::Operation;
use crate::routes::Route;

/// Describes a method of a route; `HEAD` is made from `GET`.
pub(super) fn of(route: Route<'_>, method: &Method, registry: &Registry) -> Operation {
    match route {
        Route::Landing => daemon::landing(),
        Route::Robots => daemon::robots(),
        Route::Favicon => daemon::favicon(),
        Route::StaticFile(_) => daemon::static_file(),
        Route::Healthz => daemon::healthz(),
        Route::Readyz => daemon::readyz(),
        Route::Metrics => daemon::metrics(),
        Route::Status => daemon::status(),
        Route::OpenApi => daemon::openapi("openapi"),
        Route::OpenApiV1 => daemon::openapi("openapiV1"),
        Route::Help => daemon::page("help", "This document, to try requests"),
        Route::Redoc => daemon::page("redoc", "This document, to read"),
        Route::Check => site::check(),
        Route::Statistics => site::statistics(),
        Route::Warninglist(_) => site::warninglist(),
        Route::FeedMapping => site::feedmapping(),
        Route::GenerateTokenJson => tokens::json(method, registry),
        Route::GenerateTokenForm => tokens::form(method),
        Route::Feed(path) => feeds::feed(&path, registry),
        Route::ClearCache(_) => feeds::clear_cache(registry),
        Route::Lookup if *method == Method::POST => lookup::many(),
        Route::Lookup => lookup::one(false),
        Route::LookupValue(_) => lookup::one(true),
        Route::Sightings => sightings::report(),
        Route::Changes(_) => following::changes(),
        Route::Stream(_) => following::stream(),
    }
}
