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
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use crate::routes::Route;

const DESCRIPTION: &str = "\
Cratos stands between MISP and the devices that enforce: a device asks for a URL with a token and gets a list of values in its own format.

**Tokens** go into one of these places: the header `token`, `Authorization: Bearer`, `Authorization: Basic` with the user `cratos` and the \
token as password (or the token cut in two, as user and password), the query `?token=`, or the path: `/t/{token}/v1/…` for devices that \
can send nothing but a URL. Basic counts before the others; a token that is no good is not made up for by another one.

**Errors** are problem documents (RFC 9457) whose `detail` is a text, or for 422 the list of what is wrong. 401 and 403 speak of the \
token or the address only. Trouble with MISP is 503 or 504, with `Retry-After`, or the last good feed with `X-Cache: STALE`.

`HEAD` works wherever `GET` does: the same status and headers, and no body.

A slash too many at the end of a path is answered with 307 and the path without it, unless a token would show in the redirect.";

/// The description of everything that a daemon with certain exporters answers, as JSON.
pub(crate) struct Document {
    /// All but the paths.
    frame: Value,
    paths: Paths,
}

/// The paths in the order of the routes, in which readers show them.
struct Paths(Vec<(&'static str, Value)>);

/// Returns the description of everything that a daemon with these exporters answers.
///
/// `HEAD` has no operations of its own: they would say everything twice.
pub(crate) fn document(registry: &Registry) -> Document {
    let of_path = |route: Route<'static>| {
        let methods = route.methods().iter().filter(|method| **method != Method::HEAD);
        let item: Map<String, Value> = methods
            .map(|method| {
                let operation = operations::of(route, method, registry).into_value();
                (method.as_str().to_ascii_lowercase(), operation)
            })
            .collect();
        (route.template(), item.into())
    };
    Document {
        frame: frame(),
        paths: Paths(Route::one_of_each().into_iter().map(of_path).collect()),
    }
}

fn frame() -> Value {
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
            { "name": "feeds", "description": "Lists of indicators, single values, and changes." },
            { "name": "site", "description": "About the MISP that a token is for." },
            { "name": "tokens", "description": "Making tokens." },
            { "name": "daemon", "description": "How this daemon is, and what it serves without a token." },
        ],
        "components": schemas::components(),
    })
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.frame.as_object().into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("paths", &self.paths)?;
        map.end()
    }
}

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, item)| (path, item)))
    }
}

#[cfg(test)]
mod tests;
