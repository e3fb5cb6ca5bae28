//! The reports of one request, from its body to the queue.

use std::sync::Arc;

use feed_classification::IndicatorType;
use feed_engine::Query;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sightings::{Kind, Report};
use token_crypto::Scope;

use crate::invalid::Invalid;
use crate::openapi::OneOf;
use crate::reject::Reject;
use crate::routes::lookup::permits_type;

/// Reports of one request.
const MAX_ENTRIES: usize = 1_000;
/// The longest value, in bytes, as in look-ups.
const MAX_VALUE_BYTES: usize = 8 * 1024;
/// The longest source, in bytes: a column of MISP's.
const MAX_SOURCE_BYTES: usize = 255;
/// The clock of a sensor may be this far ahead; such a time counts as now.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// The first second of 2000. A sensor that reports an earlier time has a broken clock.
const EARLIEST: i64 = 946_684_800;

const FIELDS: [&str; 4] = ["value", "type", "source", "seen_at"];

/// Reports of one request.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Sightings", deny_unknown_fields)]
pub(super) struct Entries {
    #[schemars(length(min = 1, max = MAX_ENTRIES))]
    sightings: Vec<Entry>,
}

/// One report.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Sighting", deny_unknown_fields)]
pub(super) struct Entry {
    /// An address, network, name, URL, hash, e-mail address, CVE, wallet or id of a browser extension, in any spelling.
    #[schemars(length(max = MAX_VALUE_BYTES))]
    value: String,
    /// A hit, or a value that was blocked although it is harmless.
    #[schemars(rename = "type", with = "OneOf<Kind>", default = "hit")]
    kind: Kind,
    /// The device or program that saw it. Without it, the label of the token.
    #[schemars(with = "Option<String>", length(max = MAX_SOURCE_BYTES))]
    source: Arc<str>,
    /// The time in RFC 3339, for example `2026-11-22T00:43:55Z`. Without it, now. MISP gets the minute.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    seen_at: i64,
}

/// The default of `type`.
fn hit() -> &'static str {
    Kind::Hit.as_str()
}

/// An entry that is not kept. The answer does not repeat its value.
#[derive(Debug, Serialize, PartialEq, JsonSchema)]
#[schemars(rename = "RefusedSighting")]
pub(super) struct RefusedEntry {
    /// The position of the entry in the request, from 0.
    pub(super) index: usize,
    /// Why it is not kept.
    #[schemars(example = &"the value is longer than 8192 bytes")]
    pub(super) reason: &'static str,
}

impl Entries {
    /// Reads `{"sightings": [{"value": …}, …]}`, or one entry alone. `source` is for entries that name none.
    pub(super) fn read(body: &[u8], source: &str, now: Timestamp) -> Result<Self, Reject> {
        let mut fields: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
            // The position says enough; the text may hold anything.
            let message = format!("JSON decode error at line {}, column {}", error.line(), error.column());
            Reject::Invalid(vec![Invalid::new("json_invalid", &["body"], message)])
        })?;
        let mut wrong = Vec::new();
        let list = match fields.remove("sightings") {
            None if fields.contains_key("value") => vec![Value::Object(fields)],
            Some(Value::Array(list)) if fields.is_empty() => list,
            Some(Value::Array(_)) => {
                let message = "Nothing else can stand beside `sightings`";
                return Err(invalid(Invalid::new("extra_forbidden", &["body"], message)));
            }
            Some(_) => {
                let message = "Input should be a valid list";
                return Err(invalid(Invalid::new("list_type", &["body", "sightings"], message)));
            }
            None => return Err(invalid(Invalid::missing(&["body", "sightings"]))),
        };
        if list.is_empty() || list.len() > MAX_ENTRIES {
            let message = format!("List should have 1 to {MAX_ENTRIES} items");
            return Err(invalid(Invalid::new("value_error", &["body", "sightings"], message)));
        }
        let source: Arc<str> = source.chars().filter(|c| !c.is_control()).collect::<String>().into();
        let entries: Vec<Entry> = list
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| Entry::read(entry, index, &source, now, &mut wrong))
            .collect();
        if wrong.is_empty() {
            Ok(Self { sightings: entries })
        } else {
            Err(Reject::Invalid(wrong))
        }
    }

    pub(super) fn count(&self) -> usize {
        self.sightings.len()
    }

    /// Returns the reports in normal form, and the entries whose value is not an indicator, or not one that the token
    /// covers.
    pub(super) fn judged(self, scope: &Scope) -> (Vec<Report>, Vec<RefusedEntry>) {
        let (mut reports, mut refused) = (Vec::with_capacity(self.sightings.len()), Vec::new());
        for (index, entry) in self.sightings.into_iter().enumerate() {
            match normal_form(&entry.value, scope) {
                Ok(value) => reports.push(Report {
                    value,
                    kind: entry.kind,
                    source: entry.source,
                    seen_at: entry.seen_at,
                }),
                Err(reason) => refused.push(RefusedEntry { index, reason }),
            }
        }
        (reports, refused)
    }
}

impl Entry {
    fn read(entry: &Value, index: usize, source: &Arc<str>, now: Timestamp, wrong: &mut Vec<Invalid>) -> Option<Self> {
        let before = wrong.len();
        let mut tell = |kind, name: &str, message: &str| {
            let place = Invalid::new(kind, &["body", "sightings"], message).at(index);
            wrong.push(place.inside(name));
        };
        let Some(fields) = entry.as_object() else {
            tell("dict_type", "", "Input should be an object with a `value`");
            return None;
        };
        // A misspelt `type` must not make a hit of a false positive.
        if fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
            tell(
                "extra_forbidden",
                "",
                "An entry has `value`, `type`, `source` and `seen_at` only",
            );
        }
        let value = match fields.get("value") {
            Some(Value::String(value)) => value.clone(),
            Some(_) => {
                tell("string_type", "value", "Input should be a valid string");
                String::new()
            }
            None => {
                tell("missing", "value", "Field required");
                String::new()
            }
        };
        let kind = match fields.get("type").map(Value::as_str) {
            None | Some(Some("hit")) => Kind::Hit,
            Some(Some("false_positive")) => Kind::FalsePositive,
            Some(_) => {
                tell("enum", "type", "Input should be 'hit' or 'false_positive'");
                Kind::Hit
            }
        };
        let source = match fields.get("source") {
            None | Some(Value::Null) => Arc::clone(source),
            Some(Value::String(text)) if is_source(text) => text.trim().into(),
            Some(_) => {
                tell(
                    "string_type",
                    "source",
                    "Input should be a text of at most 255 bytes without control characters",
                );
                Arc::clone(source)
            }
        };
        let seen_at = match fields.get("seen_at") {
            None | Some(Value::Null) => Some(now.as_second()),
            Some(Value::String(text)) => moment(text, now),
            Some(_) => None,
        };
        if seen_at.is_none() {
            tell(
                "datetime_parsing",
                "seen_at",
                "Input should be a time as in RFC 3339, after 1999 and not in the future",
            );
        }
        (wrong.len() == before).then_some(Self {
            value,
            kind,
            source,
            seen_at: seen_at?,
        })
    }
}

fn invalid(wrong: Invalid) -> Reject {
    Reject::Invalid(vec![wrong])
}

fn is_source(text: &str) -> bool {
    text.len() <= MAX_SOURCE_BYTES && !text.chars().any(char::is_control)
}

fn moment(text: &str, now: Timestamp) -> Option<i64> {
    let moment: Timestamp = text.parse().ok()?;
    let is_believable = moment.as_second() >= EARLIEST && moment.duration_since(now) <= AHEAD;
    is_believable.then(|| moment.min(now).as_second())
}

/// Returns the value as a feed lists it, so that it equals the value in MISP.
fn normal_form(value: &str, scope: &Scope) -> Result<String, &'static str> {
    if value.len() > MAX_VALUE_BYTES {
        return Err("the value is longer than 8192 bytes");
    }
    let query = Query::parse(value);
    // The first one is that of the narrowest type: MISP takes a name or an address, in any spelling, for a URL too.
    let form = query.normal_forms().first();
    let form = form.filter(|form| !form.chars().any(char::is_control));
    let Some(form) = form else {
        return Err(
            "the value is not an address, network, name, URL, hash, e-mail address, CVE, wallet or extension id",
        );
    };
    let is_more_than_url = query.types().iter().any(|kind| *kind != IndicatorType::Url);
    let covers = |kind: &IndicatorType| {
        let counts = *kind != IndicatorType::Url || !is_more_than_url;
        counts && permits_type(scope, exactly(*kind, form))
    };
    if !query.types().iter().any(covers) {
        return Err("this token does not cover values of this type");
    }
    Ok(form.clone())
}

/// Look-ups have one type for addresses, tokens have four: `ipv4`, `cidr4`, `ipv6`, `cidr6`.
fn exactly(kind: IndicatorType, form: &str) -> IndicatorType {
    match (kind, form.contains(':'), form.contains('/')) {
        (IndicatorType::Ip, false, false) => IndicatorType::Ipv4,
        (IndicatorType::Ip, false, true) => IndicatorType::Cidr4,
        (IndicatorType::Ip, true, false) => IndicatorType::Ipv6,
        (IndicatorType::Ip, true, true) => IndicatorType::Cidr6,
        (other, ..) => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_308_235).unwrap()
    }

    fn read(body: &str) -> Result<Entries, Vec<Invalid>> {
        match Entries::read(body.as_bytes(), "label", now()) {
            Ok(entries) => Ok(entries),
            Err(Reject::Invalid(wrong)) => Err(wrong),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn kept(body: &str) -> Vec<Report> {
        read(body).unwrap().judged(&Scope::new()).0
    }

    #[test]
    fn a_whole_entry_and_the_shortest_one_are_read() {
        let all = r#"{"sightings":[{"value":"WWW.Example.COM.","type":"false_positive","source":" fw1 ","seen_at":"2026-11-22T01:43:55+01:00"}]}"#;
        let report = &kept(all)[0];
        assert_eq!(
            (report.value.as_str(), report.kind, &*report.source),
            ("www.example.com", Kind::FalsePositive, "fw1")
        );
        assert_eq!(report.seen_at, 1_795_308_235);
        let report = &kept(r#"{"value":"192.0.2.7"}"#)[0];
        assert_eq!(
            (report.kind, &*report.source, report.seen_at),
            (Kind::Hit, "label", 1_795_308_235)
        );
    }

    #[test]
    fn times_are_read_as_sensors_write_them() {
        let at = |text: &str| moment(text, now());
        // The format of Suricata's eve.json, and a clock that is a little fast.
        assert_eq!(at("2026-11-22T00:43:55.123456+0000"), Some(1_795_308_235));
        assert_eq!(at("2026-11-22T01:00:00Z"), Some(1_795_308_235));
        for text in [
            "2026-11-22T03:00:00Z",
            "1970-01-01T00:00:10Z",
            "yesterday",
            "",
            "2026-11-22",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        for (body, count) in [
            ("[]", 1),
            ("{", 1),
            ("{}", 1),
            (r#"{"sightings":[]}"#, 1),
            (r#"{"sightings":"192.0.2.7"}"#, 1),
            (r#"{"sightings":[{"value":"192.0.2.7"}],"type":"hit"}"#, 1),
            (r#"{"sightings":[1,{},{"value":5},{"value":"192.0.2.7"}]}"#, 3),
            (r#"{"value":"192.0.2.7","kind":"false_positive"}"#, 1),
            (
                r#"{"value":"192.0.2.7","type":"expiration","source":"a\nb","seen_at":5}"#,
                3,
            ),
        ] {
            assert_eq!(read(body).unwrap_err().len(), count, "{body}");
        }
        let many = serde_json::json!({ "sightings": vec![serde_json::json!({"value": "192.0.2.7"}); 1_001] });
        assert_eq!(read(&many.to_string()).unwrap_err().len(), 1);
        let wrong = read(r#"{"sightings":[{"value":"192.0.2.7"},{"value":"192.0.2.8","type":"x"}]}"#).unwrap_err();
        let told = serde_json::to_value(&wrong).unwrap();
        assert_eq!(told[0]["loc"], serde_json::json!(["body", "sightings", 1, "type"]));
    }

    #[test]
    fn what_is_no_value_is_refused_and_the_others_are_kept() {
        let values = [
            "192.0.2.7",
            "hello world",
            "",
            " ",
            "%",
            "\u{ad}",
            "a\u{0}b.example.com",
            "CVE-2026-12345",
        ];
        let list: Vec<_> = values
            .iter()
            .map(|value| serde_json::json!({ "value": value }))
            .collect();
        let body = serde_json::json!({ "sightings": list }).to_string();
        let (reports, refused) = read(&body).unwrap().judged(&Scope::new());
        let kept: Vec<_> = reports.iter().map(|report| report.value.as_str()).collect();
        assert_eq!(kept, ["192.0.2.7", "CVE-2026-12345"]);
        assert_eq!(
            refused.iter().map(|refused| refused.index).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6]
        );
    }

    #[test]
    fn a_token_that_is_limited_to_types_reports_those_only() {
        let scope = |types: &[&str]| Scope::new().with_types(types.iter().copied());
        for (types, value, is_covered) in [
            (&["ipv4"][..], "192.0.2.7", true),
            (&["ipv4"], "192.0.2.0/24", false),
            (&["ip"], "192.0.2.0/24", true),
            (&["ipv6ext"], "2001:DB8::1", true),
            (&["ipv4"], "2001:db8::1", false),
            (&["domain"], "a.example.com", true),
            (&["ipv4", "url"], "a.example.com", false),
            (&["url"], "http://192.0.2.7/a", true),
        ] {
            assert_eq!(
                normal_form(value, &scope(types)).is_ok(),
                is_covered,
                "{types:?} {value}"
            );
        }
    }

    #[test]
    fn every_field_that_is_described_is_read() {
        let schema = schemars::schema_for!(Entry);
        let described: Vec<&String> = schema.get("properties").unwrap().as_object().unwrap().keys().collect();
        let mut read = FIELDS;
        read.sort_unstable();
        assert_eq!(described, read);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = Entries::read(&body, "label", now());
        }

        #[test]
        fn no_value_reaches_misp_that_its_client_would_not_send(value in ".{0,80}") {
            if let Ok(form) = normal_form(&value, &Scope::new()) {
                prop_assert!(misp_client::SightingReport::new([form], misp_client::SightingKind::Hit).is_ok());
            }
        }
    }
}
