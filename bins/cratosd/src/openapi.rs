//! The description of our own HTTP API (OpenAPI 3.1), made from the tables that answer requests.
//!
//! Paths, methods, feed names, types, ages, outputs with their media types, permissions and files are read where they are defined. What
//! no table says, the words and the shapes of answers, stands in `operations`, a function for each route; a new route does not compile
//! without one.

mod operation;
mod operations;
mod schemas;

use feed_classification::Registry;
use http::Method;
use serde_json::{Map, Value, json};

use crate::routes::Route;

const DESCRIPTION: &str = "\
Cratos stands between MISP and the devices that enforce: a device asks for a URL with a token and gets a list of values in its own format.

**Tokens** go into one of these places: the header `token`, `Authorization: Bearer`, `Authorization: Basic` with the user `cratos` and the \
token as password (or the token cut in two, as user and password), the query `?token=`, or the path: `/t/{token}/v1/…` for devices that \
can send nothing but a URL. Basic counts before the others; a token that is no good is not made up for by another one.

**Errors** are problem documents (RFC 9457) whose `detail` is a text, or for 422 the list of what is wrong. 401 and 403 speak of the \
token or the address only. Trouble with MISP is 503 or 504, with `Retry-After`, or the last good feed with `X-Cache: STALE`.

A slash too many at the end of a path is answered with 307 and the path without it, unless a token would show in the redirect.";

/// Returns the description of everything that a daemon with these exporters answers.
pub(crate) fn document(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for route in Route::one_of_each() {
        let mut item = Map::new();
        for method in route.methods() {
            item.insert(method.as_str().to_ascii_lowercase(), of(route, method, registry));
        }
        paths.insert(route.template().to_owned(), item.into());
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Cratos",
            "summary": "MISP's indicators as feeds",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/", "description": "this daemon" }],
        "tags": [
            { "name": "feeds", "description": "Lists of indicators, and how to have them fetched anew." },
            { "name": "site", "description": "About the MISP that a token is for." },
            { "name": "tokens", "description": "Making tokens." },
            { "name": "daemon", "description": "How this daemon is, and what it serves without a token." },
        ],
        "paths": paths,
        "components": schemas::components(),
    })
}

/// A `HEAD` is a `GET` whose answers have no bodies.
fn of(route: Route<'_>, method: &Method, registry: &Registry) -> Value {
    if *method == Method::HEAD {
        operations::of(route, &Method::GET, registry)
            .without_bodies()
            .into_value()
    } else {
        operations::of(route, method, registry).into_value()
    }
}

#[cfg(test)]
mod tests;
