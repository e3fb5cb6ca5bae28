//! The description of our own HTTP API (OpenAPI 3.1), made from the tables that answer requests.
//!
//! Paths, methods and permissions come from the table of routes, feed names, types, ages, outputs and media types from
//! the tables that define them. The rest, words and the shapes of answers, is written by the `words` of each route.

mod components;
mod names;
mod operation;
mod path;
mod schemas;

use feed_classification::Registry;
use http::Method;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

pub(crate) use self::components::{Refusal, headers};
pub(crate) use self::names::{AllOrSome, Names, OfferedPermission, OneOf, OneOfOrEmpty, OneOrMore, Purpose};
pub(crate) use self::operation::Operation;
pub(crate) use self::path::Path;
use self::schemas::Schemas;

const DESCRIPTION: &str = "\
Cratos stands between MISP and the devices that enforce: a device asks for a URL with a token and gets a list of values in its own format.

**Tokens** go into one of these places: the header `token`, `Authorization: Bearer`, `Authorization: Basic` with the user `cratos` and the \
token as password (or the token cut in two, as user and password), the query `?token=`, or the path: `/t/{token}/v1/…` for devices that \
can send nothing but a URL. Basic counts before the others; a token that is no good is not made up for by another one.

**Errors** are problem documents (RFC 9457) whose `detail` is a text, or for 422 the list of what is wrong. 401 and 403 speak of the \
token or the address only. Trouble with MISP is 503 or 504, with `Retry-After`, or the last good feed with `X-Cache: STALE`.

`HEAD` works wherever `GET` does: the same status and headers, and no body.

A slash too many at the end of a path is answered with 307 and the path without it, unless a token would show in the redirect.";

/// Media types that many routes answer with.
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Returns the schema of any text.
pub(crate) fn text() -> Value {
    json!({ "type": "string" })
}

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
pub(crate) fn document(paths: impl Iterator<Item = Path>, registry: &Registry) -> Document {
    let mut schemas = Schemas::new();
    let mut of_path = |path: Path| {
        let methods = path.methods.iter().filter(|method| **method != Method::HEAD);
        let item: Map<String, Value> = methods
            .map(|method| {
                let operation = Operation::of(path, method, registry, &mut schemas).into_value();
                (method.as_str().to_ascii_lowercase(), operation)
            })
            .collect();
        (path.template, item.into())
    };
    let paths = Paths(paths.map(&mut of_path).collect());
    Document {
        frame: frame(schemas),
        paths,
    }
}

fn frame(schemas: Schemas) -> Value {
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
        "components": components::components(schemas.into_components()),
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
