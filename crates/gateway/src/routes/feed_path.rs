//! The variable parts of the paths of feeds, and the mistakes in them.

use std::fmt::Write as _;
use std::sync::Arc;

use feed_classification::{Age, Exporter, FeedName, IndicatorType, Registry, TypeSet, UnknownName};
use feed_engine::{FeedScope, Filter, Selection};
use serde_json::{Value, json};
use site_config::Site;
use token_crypto::{Allowed, Scope};
use uuid::Uuid;

use super::path_values::PathValues;
use crate::invalid::Invalid;
use crate::openapi::Operation;
use crate::reject::Reject;

/// The variable parts of a feed's path, as they came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FeedPath<'a> {
    of: Of<'a>,
    kind: &'a str,
    age: &'a str,
    output: Output<'a>,
}

/// Where a path names the exporter; the same ones are behind both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Output<'a> {
    /// `/output/NAME` at the end.
    Named(&'a str),
    /// `/vendor/NAME` in front.
    Vendor(&'a str),
}

/// The selection of a feed's path: which values belong to the feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of<'a> {
    /// A feed name.
    Feed(&'a str),
    /// The UUID of an organisation.
    Organisation(&'a str),
}

/// A feed that exists at its site, in an output that exists.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestedFeed<'a> {
    pub(super) scope: FeedScope,
    pub(super) output: &'a str,
}

impl<'a> FeedPath<'a> {
    /// Reads the parts by their names in the template. Streams and changes have no output.
    pub(super) fn of(path: PathValues<'a>) -> Self {
        let part = |name| path.get(name).unwrap_or_default();
        Self {
            of: path
                .get("uuid")
                .map_or_else(|| Of::Feed(part("feed")), Of::Organisation),
            kind: part("type"),
            age: part("age"),
            output: path
                .get("vendor")
                .map_or_else(|| Output::Named(part("output")), Output::Vendor),
        }
    }

    /// Checks every part but the output, in the order of the path. Mistakes are added to `wrong`. `filter` holds the
    /// limits of the request.
    pub(super) fn check_feed(&self, site: &Site, filter: Filter, wrong: &mut Vec<Invalid>) -> Option<FeedScope> {
        let (selection, kind, age) = self.parts(site, wrong);
        Some(FeedScope {
            selection: selection?,
            kind: kind?,
            age: age?,
            filter,
        })
    }

    fn parts(&self, site: &Site, wrong: &mut Vec<Invalid>) -> (Option<Selection>, Option<IndicatorType>, Option<Age>) {
        let selection = match self.of {
            Of::Feed(name) => feed(name, site, wrong).map(Selection::Feed),
            Of::Organisation(text) => organisation(text, wrong).map(Selection::Organisation),
        };
        let kind = named::<IndicatorType>("dataType", self.kind, wrong);
        let age = named::<Age>("dataAge", self.age, wrong);
        (selection, kind, age)
    }

    /// Returns the exporter that the path names.
    pub(super) fn exporter<'r>(&self, registry: &'r Registry) -> Option<&'r dyn Exporter> {
        let (_, output) = self.without_suffix(registry);
        registry.by_name(output).map(|exporter| &**exporter)
    }

    /// Checks every part, in the order of the path. Mistakes are added to `wrong`. `filter` holds the limits of the
    /// request.
    pub(super) fn check(
        &self,
        site: &Site,
        registry: &Registry,
        filter: Filter,
        wrong: &mut Vec<Invalid>,
    ) -> Option<RequestedFeed<'a>> {
        let (part, named) = match self.output {
            Output::Named(name) => ("returnedDataType", name),
            Output::Vendor(name) => ("vendorName", name),
        };
        let (this, output) = self.without_suffix(registry);
        let exporter = registry.by_name(output);
        let unknown = match exporter {
            Some(_) => None,
            None => Some(Invalid::not_one_of(&["path", part], named, registry.names())),
        };
        // Mistakes are listed in the order of the path.
        let (first, last) = match self.output {
            Output::Vendor(_) => (unknown, None),
            Output::Named(_) => (None, unknown),
        };
        wrong.extend(first);
        let (selection, kind, age) = this.parts(site, wrong);
        wrong.extend(last);
        if let (Some(exporter), Some(kind)) = (exporter, kind) {
            let accepts = exporter.about().accepts;
            if !accepts.contains(kind) {
                let carried = accepts.iter().map(IndicatorType::as_str);
                wrong.push(Invalid::not_one_of(&["path", "dataType"], self.kind, carried));
            }
        }
        let scope = FeedScope {
            selection: selection?,
            kind: kind?,
            age: age?,
            filter,
        };
        exporter.map(|_| RequestedFeed { scope, output })
    }
}

impl<'a> FeedPath<'a> {
    /// Takes a file extension off the end of the path, `txt.txt` or `1w.zone`, where it fits the output, and returns
    /// the output with it.
    ///
    /// Some consumers refuse a URL that does not end like a file (Juniper SRX). A suffix that does not fit stays: it is
    /// part of a name that does not exist.
    fn without_suffix(self, registry: &Registry) -> (Self, &'a str) {
        let cut = |text: &'a str, exporter: Option<&Arc<dyn Exporter>>| match (text.rsplit_once('.'), exporter) {
            (Some((stem, suffix)), Some(exporter)) if fits(&**exporter, suffix) => stem,
            _ => text,
        };
        match self.output {
            Output::Named(name) => {
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                (self, cut(name, registry.by_name(stem)))
            }
            Output::Vendor(name) => {
                let age = cut(self.age, registry.by_name(name));
                (Self { age, ..self }, name)
            }
        }
    }
}

/// Returns whether files of this output end so: in its own extension, or in `txt` if they are text.
fn fits(exporter: &dyn Exporter, suffix: &str) -> bool {
    let about = exporter.about();
    suffix == about.extension || (suffix == "txt" && about.content_type.starts_with("text/plain"))
}

impl RequestedFeed<'_> {
    /// Checks that a token covers this feed in this output.
    ///
    /// # Errors
    /// 403 that names each part outside of the scope.
    pub(super) fn check_scope(&self, scope: &Scope) -> Result<(), Reject> {
        let mut missing = missing_of(self.scope, scope);
        if !scope.permits_output(self.output) {
            missing.push(format!("output `{}`", self.output));
        }
        covered(&missing)
    }
}

/// Checks that a token covers a feed in any output.
///
/// # Errors
/// 403 that names each part outside of the scope.
pub(super) fn check_scope_of(feed: FeedScope, scope: &Scope) -> Result<(), Reject> {
    covered(&missing_of(feed, scope))
}

/// An organisation's feed holds attributes of every classification, so a token with a list of feeds does not cover it.
fn missing_of(feed: FeedScope, scope: &Scope) -> Vec<String> {
    let mut missing = Vec::new();
    match feed.selection {
        Selection::Feed(feed) if !scope.permits_feed(feed.as_str()) => missing.push(format!("feed `{feed}`")),
        Selection::Organisation(_) if scope.feeds != Allowed::All => missing.push("feeds of organisations".to_owned()),
        _ => {}
    }
    let kind = feed.kind.as_str();
    if !scope.permits_type(kind) {
        missing.push(format!("type `{kind}`"));
    }
    missing
}

fn covered(missing: &[String]) -> Result<(), Reject> {
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(Reject::Forbidden(format!("This token does not cover {missing}.")))
}

/// A custom feed, for example `cust1`, exists only if the site's file defines it. An undefined one is a mistake and
/// never means "everything".
fn feed(name: &str, site: &Site, wrong: &mut Vec<Invalid>) -> Option<FeedName> {
    let exists = |feed: &FeedName| !feed.is_custom() || site.custom_feeds.contains_key(feed);
    let feed = name.parse().ok().filter(exists);
    if feed.is_none() {
        let known = FeedName::ALL
            .iter()
            .filter(|feed| exists(feed))
            .map(|feed| feed.as_str());
        wrong.push(Invalid::not_one_of(&["path", "feedName"], name, known));
    }
    feed
}

fn organisation(text: &str, wrong: &mut Vec<Invalid>) -> Option<Uuid> {
    // Of the spellings that a UUID has, the one that MISP writes.
    let uuid = Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok());
    if uuid.is_none() {
        let place = ["path", "orgUUID"];
        wrong.push(
            Invalid::value(
                &place,
                "the UUID of an organisation has 36 characters: 01234567-89ab-cdef-0123-456789abcdef",
            )
            .input(text),
        );
    }
    uuid
}

fn named<T: std::str::FromStr<Err = UnknownName>>(part: &str, text: &str, wrong: &mut Vec<Invalid>) -> Option<T> {
    text.parse()
        .map_err(|error: UnknownName| {
            wrong.push(Invalid::not_one_of(
                &["path", part],
                text,
                error.valid().iter().copied(),
            ))
        })
        .ok()
}

/// Describes the variable parts of the path, in its order.
pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    let parts = operation.template().split('/');
    let names = parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.fold(operation, describe_part)
}

fn describe_part<'a>(operation: Operation<'a>, name: &str) -> Operation<'a> {
    let one_of = |names: &[&str]| json!({ "type": "string", "enum": names });
    match name {
        "feed" => operation.in_path(name, FEED, one_of(FeedName::NAMES)),
        "uuid" => operation
            .in_path(
                name,
                "The UUID of the organisation in MISP.",
                json!({ "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 }),
            )
            .example("5a1f4ad5-1f64-4f3b-9c25-0d9d6f4a7c11"),
        "type" => operation.in_path(name, "The type of the indicators.", one_of(IndicatorType::NAMES)),
        "age" => operation.in_path(name, AGE, one_of(Age::NAMES)),
        _ => {
            let parameter = exporters(name, operation.registry());
            operation.parameter(parameter)
        }
    }
}

const FEED: &str = "The feed. `cust1` to `cust5` exist where the site defines them; `any` and `42` need no tag.";

const AGE: &str = "How recently an indicator must have changed: hours, days, weeks, calendar months and years.";

/// The parameter that names an exporter: what each one writes, its media type, and the types that it carries.
fn exporters(parameter: &str, registry: &Registry) -> Value {
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
        let options: Vec<&str> = about.options.iter().map(|option| option.name).collect();
        details.push(json!({ "name": about.name, "mediaType": about.content_type, "extension": about.extension, "types": types, "options": options }));
    }
    let names: Vec<&str> = registry.names().collect();
    json!({
        "name": parameter, "in": "path", "required": true, "description": description,
        "schema": { "type": "string", "enum": names }, "x-outputs": details,
    })
}
