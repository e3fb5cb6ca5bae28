//! The feeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use feed_classification::{Age, FeedName, IndicatorType, Registry, Tlp, TypeSet};
use feed_engine::Unscored;
use serde_json::{Value, json};

use crate::openapi::operation::Operation;
use crate::openapi::schemas::{Refusal, headers};
use crate::routes::{FeedPath, Of, Output};

const FEED_HEADERS: [&str; 11] = [
    "ETag",
    "Last-Modified",
    "Cache-Control",
    "Age",
    "Vary",
    "Content-Encoding",
    "Warning",
    "X-Cache",
    "X-Feed-Count",
    "X-Feed-Dropped",
    "X-Feed-Limits",
];

pub(super) fn feed(path: &FeedPath<'_>, registry: &Registry) -> Operation {
    let operation = match (path.of, path.output) {
        (_, Output::Vendor(_)) => exporter(
            Operation::new("vendorFeed", "feeds", "A feed as a vendor's devices take it"),
            "vendor",
            registry,
        ),
        (Of::Feed(_), Output::Named(_)) => Operation::new("feed", "feeds", "A feed"),
        (Of::Organisation(_), Output::Named(_)) => {
            Operation::new("organisationFeed", "feeds", "The indicators of one organisation")
                .description("Not for tokens that are limited to some feeds.")
        }
    };
    let operation = match path.of {
        Of::Feed(_) => name(operation),
        Of::Organisation(_) => operation
            .in_path(
                "uuid",
                "The UUID of the organisation in MISP.",
                json!({ "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 }),
            )
            .example("5a1f4ad5-1f64-4f3b-9c25-0d9d6f4a7c11"),
    };
    let operation = kind_and_age(operation);
    let operation = match path.output {
        Output::Named(_) => exporter(operation, "output", registry),
        Output::Vendor(_) => operation,
    };
    limited(operation)
        .in_query(
            "cache",
            "The oldest answer that the caller accepts, in seconds.",
            json!({ "type": "integer", "minimum": 1, "maximum": 86_400 }),
        )
        .in_query(
            "aggregate",
            "Whether networks are merged into the smallest set that covers the same addresses (`cidr4`, `cidr6`, `ip`).",
            json!({ "type": "boolean", "default": false }),
        )
        .conditional()
        .answers(
            200,
            json!({
                "description": "The feed, sorted and without duplicates. A body without values is a feed without values, never a fault.",
                "headers": headers(&FEED_HEADERS),
                "content": content(registry),
            }),
        )
        .answers(304, json!({ "description": "The caller has the newest version.", "headers": headers(&FEED_HEADERS) }))
        .needs_token()
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

pub(super) fn clear_cache(registry: &Registry) -> Operation {
    let operation = Operation::new(
        "clearCache",
        "feeds",
        "Has a feed fetched anew by the next request, in every output",
    )
    .description("For tokens with the permission `clear_cache`, which tokens without a scope have.");
    let operation = limited(exporter(kind_and_age(name(operation)), "output", registry));
    let done = json!({ "type": "object", "properties": { "ok": { "type": "boolean", "const": true } } });
    operation
        .gives(
            "application/json",
            done,
            "The feed will be fetched anew; until then the old one stays at hand.",
        )
        .needs_token()
        .refuses([Refusal::Invalid])
}

pub(super) fn name(operation: Operation) -> Operation {
    let description = "The feed. `cust1` to `cust5` exist where the site defines them; `any` and `42` need no tag.";
    operation.in_path(
        "feed",
        description,
        json!({ "type": "string", "enum": FeedName::NAMES }),
    )
}

pub(super) fn kind_and_age(operation: Operation) -> Operation {
    operation
        .in_path(
            "type",
            "The type of the indicators.",
            json!({ "type": "string", "enum": IndicatorType::NAMES }),
        )
        .in_path(
            "age",
            "How recently an indicator must have changed: hours, days, weeks, calendar months and years.",
            json!({ "type": "string", "enum": Age::NAMES }),
        )
}

/// Adds the limits within which a caller wants to be told.
pub(super) fn limited(operation: Operation) -> Operation {
    operation
        .in_query("max_tlp", MAX_TLP, levels())
        .in_query("min_score", MIN_SCORE, score())
        .in_query("unscored", UNSCORED, unscored())
}

pub(super) const MAX_TLP: &str = "\
Leaves out what is more closed than this TLP level, by the most closed tag of attribute and event; what has no such tag counts as the \
site's `default_tlp`. Narrows what the token may see and never widens it.";

const MIN_SCORE: &str = "\
Leaves out what is worth less by the site's `decaying_model`, and what has no score. Scores are as of the last refresh. 422 at a site that \
names no model, 503 while MISP has none of that name that is enabled.";

const UNSCORED: &str = "\
Whether attributes whose type the decaying model does not cover stay in the feed. Goes with `min_score` only; without it they are excluded.";

pub(super) fn score() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 100 })
}

pub(super) fn unscored() -> Value {
    // Without a default: readers send defaults, and without `min_score` this one is refused.
    json!({ "type": "string", "enum": Unscored::ALL.map(Unscored::as_str) })
}

pub(super) fn levels() -> Value {
    json!({ "type": "string", "enum": Tlp::ALL.map(Tlp::as_str) })
}

/// The parameter that names an exporter: what each one writes, its media type, and the types that it carries.
fn exporter(operation: Operation, parameter: &str, registry: &Registry) -> Operation {
    let mut description = String::from("The format.\n\n| name | media type | types | |\n| --- | --- | --- | --- |\n");
    let mut details = Vec::new();
    for about in registry.iter().map(|exporter| exporter.about()) {
        let types: Vec<&str> = about.accepts.iter().map(IndicatorType::as_str).collect();
        let carried = if about.accepts == TypeSet::ALL {
            "all".to_owned()
        } else {
            types.join(", ")
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            description,
            "| `{}` | {} | {carried} | {} |",
            about.name, about.content_type, about.summary
        );
        details.push(json!({ "name": about.name, "mediaType": about.content_type, "extension": about.extension, "types": types }));
    }
    let names: Vec<&str> = registry.names().collect();
    operation.parameter(json!({
        "name": parameter, "in": "path", "required": true, "description": description,
        "schema": { "type": "string", "enum": names }, "x-outputs": details,
    }))
}

/// Every media type that an exporter writes, with those that do.
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
