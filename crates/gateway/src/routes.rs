//! The table of routes: everything that the daemon serves over HTTP.
//!
//! To add a route: a file below `routes/` with its entry (a constant of type [`Route`]), its `mod` line and its line in
//! [`ROUTES`]. The entry names the path, the methods, the right that a token needs, the handler, and the words for the
//! OpenAPI document; matching, logs, metrics, the `Allow` header, the document and the tests follow from it.

mod api_pages;
mod changes;
mod check;
mod clear_cache;
mod explain;
mod feed;
mod feed_headers;
mod feed_options;
mod feed_path;
mod feed_query;
mod feedmapping;
mod generate_token;
mod healthz;
mod held_back;
mod landing;
mod limits;
mod lookup;
mod metrics;
mod openapi;
mod outputs;
mod path_values;
mod readyz;
mod route;
mod segments;
mod sightings;
mod site;
mod static_file;
mod statistics;
mod status;
mod stream;
mod template;
mod warninglist;

use feed_classification::Registry;

use crate::openapi::Document;
#[cfg(test)]
pub(crate) use feed::TEMPLATES as FEED_TEMPLATES;
pub(crate) use feed::{Given, answer_again, answer_at_once};
pub(crate) use route::Call;
use route::Route;
pub(crate) use segments::Segments;
pub(crate) use template::find;

/// Describes everything that a daemon with these exporters answers.
pub(crate) fn document(registry: &Registry) -> Document {
    crate::openapi::document(ROUTES.iter().map(Route::described), registry)
}

/// Every route, in the order in which the OpenAPI document lists them.
static ROUTES: &[Route] = &[
    feed::NAMED,
    feed::VENDOR,
    feed::ORGANISATION,
    changes::ROUTE,
    stream::ROUTE,
    lookup::ROUTE,
    lookup::VALUE,
    explain::ROUTE,
    clear_cache::ROUTE,
    sightings::ROUTE,
    check::ROUTE,
    outputs::ROUTE,
    feedmapping::ROUTE,
    statistics::ROUTE,
    site::ROUTE,
    site::RESYNC,
    site::FORGET,
    held_back::LIST,
    held_back::ACCEPT,
    held_back::ACCEPT_ORGANISATION,
    warninglist::ROUTE,
    generate_token::FORM,
    generate_token::JSON,
    landing::ROUTE,
    api_pages::HELP,
    api_pages::REDOC,
    openapi::ROUTE,
    openapi::V1,
    status::ROUTE,
    healthz::ROUTE,
    readyz::ROUTE,
    metrics::ROUTE,
    static_file::ROUTE,
    landing::ROBOTS,
    static_file::FAVICON,
];
