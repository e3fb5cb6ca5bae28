//! Reads the body of `POST /attributes/restSearch` the way MISP reads it.
//!
//! The most important rule: MISP ignores a filter that it does not understand (facts 10 and 11).

mod kinds;
mod tags;
mod terms;
mod time;
mod values;

use serde_json::{Map, Value};

pub(crate) use self::{
    kinds::KindFilter,
    tags::{ResolvedTags, TagFilter},
    terms::{Terms, like},
    time::{TimeFilter, iso},
    values::ValueFilter,
};

/// Why a search is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 500 with no reason, as MISP does when a query breaks inside.
    Internal,
    /// 404 "Invalid output format."
    Format,
}

/// A search, read but not yet resolved against the data.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) tags: Option<TagFilter>,
    pub(crate) kinds: Option<KindFilter>,
    pub(crate) categories: Option<Terms>,
    pub(crate) relations: Option<Terms>,
    pub(crate) values: Option<ValueFilter>,
    pub(crate) event_ids: Option<Terms>,
    pub(crate) event_info: Option<Terms>,
    pub(crate) uuids: Option<Terms>,
    pub(crate) organisations: Option<Terms>,
    pub(crate) threat_levels: Option<Terms>,
    pub(crate) to_ids: Option<bool>,
    pub(crate) published: Option<bool>,
    pub(crate) deleted: Deleted,
    pub(crate) timestamp: Option<TimeFilter>,
    pub(crate) event_timestamp: Option<TimeFilter>,
    pub(crate) publish_timestamp: Option<TimeFilter>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) first_seen: Option<TimeFilter>,
    pub(crate) enforce_warninglist: bool,
    pub(crate) include_warninglist_hits: bool,
    pub(crate) include_event_tags: bool,
    pub(crate) include_all_tags: bool,
    pub(crate) include_context: bool,
    pub(crate) include_event_uuid: bool,
    pub(crate) include_sightings: bool,
    pub(crate) limit: Option<i64>,
    pub(crate) page: i64,
    pub(crate) order: Order,
    pub(crate) decay: Option<Decay>,
}

/// The part of a search that is about scores.
#[derive(Debug, PartialEq)]
pub(crate) struct Decay {
    /// The numbers of the models; none for all that are switched on and cover the type.
    pub(crate) models: Option<Vec<u64>>,
    /// Whether rows are left out that are decayed by every model that says something of them.
    pub(crate) exclude_decayed: bool,
    /// What counts in place of each model's threshold.
    pub(crate) threshold: Option<f64>,
    pub(crate) full_model: bool,
    pub(crate) now: i64,
}

impl Decay {
    /// Asks for the scores of all models, and leaves nothing out.
    pub(crate) fn of_all_models(now: i64) -> Self {
        Self {
            models: None,
            exclude_decayed: false,
            threshold: None,
            full_model: false,
            now,
        }
    }

    /// Reads it. `decayScore` is not something MISP knows (308), and `score` alone does nothing (307).
    fn read(body: &Map<String, Value>, now: i64) -> Option<Self> {
        let flag = |key: &str| body.get(key).is_some_and(truthy);
        if !flag("includeDecayScore") && !flag("excludeDecayed") {
            return None;
        }
        let id = |value: &Value| number(Some(value)).and_then(|id| u64::try_from(id).ok());
        let models = body.get("decayingModel").filter(|value| truthy(value));
        let overridden = body
            .get("modelOverrides")
            .and_then(|overrides| overrides.get("threshold"));
        let threshold = number(body.get("score")).or_else(|| number(overridden));
        Some(Self {
            models: models.map(|models| match models {
                Value::Array(list) => list.iter().filter_map(id).collect(),
                // With a name in place of a number no model is meant (310).
                one => id(one).into_iter().collect(),
            }),
            exclude_decayed: flag("excludeDecayed"),
            #[expect(clippy::cast_precision_loss, reason = "a score is below a hundred or so")]
            threshold: threshold.map(|threshold| threshold as f64),
            full_model: flag("includeFullModel"),
            now,
        })
    }
}

/// Which attributes count by their soft deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Deleted {
    #[default]
    Without,
    Only,
    Both,
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// By event, then by attribute: what mostly comes when no order is asked for (735), so ids need not ascend.
    #[default]
    Event,
    Id,
    IdDown,
    Time,
    TimeDown,
}

impl Query {
    /// Reads a search; `now` is what relative times count from.
    pub(crate) fn read(body: &Map<String, Value>, now: i64) -> Result<Self, Refusal> {
        let body = match body.get("request") {
            Some(Value::Object(inner)) => inner,
            _ => body,
        };
        if body
            .get("returnFormat")
            .is_some_and(|format| truthy(format) && format.as_str() != Some("json"))
        {
            return Err(Refusal::Format);
        }
        let terms = |key: &str| Terms::read(body.get(key));
        let time = |key: &str| TimeFilter::read(body.get(key), now);
        let flag = |key: &str| body.get(key).is_some_and(truthy);
        let decay = Decay::read(body, now);
        Ok(Self {
            tags: TagFilter::read(body.get("tags"))?,
            kinds: terms("type")?.map(KindFilter::new),
            categories: terms("category")?,
            relations: terms("object_relation")?,
            values: terms("value")?.and_then(ValueFilter::new),
            event_ids: terms("eventid")?,
            event_info: terms("eventinfo")?,
            uuids: terms("uuid")?,
            organisations: terms("org")?,
            threat_levels: terms("threat_level_id")?,
            to_ids: switch(body.get("to_ids")),
            published: switch(body.get("published")),
            deleted: deleted(body.get("deleted")),
            timestamp: time("timestamp").or_else(|| time("attribute_timestamp")),
            event_timestamp: time("event_timestamp"),
            publish_timestamp: time("publish_timestamp").or_else(|| time("last")),
            from: date(body.get("from"), now),
            to: date(body.get("to"), now),
            first_seen: time("first_seen"),
            enforce_warninglist: flag("enforceWarninglist"),
            include_warninglist_hits: flag("includeWarninglistHits"),
            // Scores hang on the tags of the event, so that these come too (302).
            include_event_tags: flag("includeEventTags") || decay.is_some(),
            include_all_tags: flag("includeAllTags"),
            include_context: flag("includeContext"),
            include_event_uuid: flag("includeEventUuid"),
            include_sightings: flag("includeSightings"),
            limit: limit(body.get("limit"))?,
            page: number(body.get("page")).unwrap_or(1).max(1),
            order: order(body.get("order")),
            decay,
        })
    }
}

/// Returns whether PHP takes the value as true: everything but `null`, `false`, 0, `"0"`, `""` and an empty list.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Reads `to_ids` and `published`: one side, the other, or (also JSON `false`, fact 21) both.
pub(crate) fn switch(value: Option<&Value>) -> Option<bool> {
    let one = |value: &Value| match value {
        Value::Bool(true) => Some(true),
        Value::Number(number) => number
            .as_i64()
            .filter(|number| matches!(number, 0 | 1))
            .map(|number| number == 1),
        Value::String(text) => match text.as_str() {
            "1" | "true" => Some(true),
            "0" | "exclude" => Some(false),
            _ => None,
        },
        _ => None,
    };
    match value? {
        Value::Array(list) => {
            let sides: Vec<bool> = list.iter().filter_map(one).collect();
            let first = *sides.first()?;
            sides.iter().all(|side| *side == first).then_some(first)
        }
        value => one(value),
    }
}

fn deleted(value: Option<&Value>) -> Deleted {
    match value {
        Some(Value::Array(list)) => {
            let (some, none) = (list.iter().any(truthy), list.iter().any(|value| !truthy(value)));
            match (some, none) {
                (true, true) => Deleted::Both,
                (true, false) => Deleted::Only,
                (false, _) => Deleted::Without,
            }
        }
        Some(value) if truthy(value) => Deleted::Only,
        _ => Deleted::Without,
    }
}

fn limit(value: Option<&Value>) -> Result<Option<i64>, Refusal> {
    match value {
        Some(value) if truthy(value) => number(Some(value))
            .map(|limit| Some(limit).filter(|limit| *limit != 0))
            .ok_or(Refusal::Internal),
        _ => Ok(None),
    }
}

/// Reads a number or a string that PHP takes for one; fractions are cut off.
pub(crate) fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(cut)),
        Value::String(text) => {
            let text = text.trim();
            text.parse::<i64>()
                .ok()
                .or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(cut))
        }
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting off is what PHP does; Rust saturates at the ends"
)]
fn cut(number: f64) -> i64 {
    number as i64
}

fn order(value: Option<&Value>) -> Order {
    let text = match value {
        Some(Value::String(text)) => text.as_str(),
        Some(Value::Array(list)) => list.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    };
    let mut words = text.split_whitespace();
    let down =
        |words: &mut std::str::SplitWhitespace<'_>| words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
    match words.next() {
        Some("Attribute.id" | "id") if down(&mut words) => Order::IdDown,
        Some("Attribute.id" | "id") => Order::Id,
        Some("Attribute.timestamp" | "timestamp") if down(&mut words) => Order::TimeDown,
        Some("Attribute.timestamp" | "timestamp") => Order::Time,
        _ => Order::Event,
    }
}

/// Reads a day for `from` and `to`; for a word that is not a day, no event passes.
fn date(value: Option<&Value>, now: i64) -> Option<String> {
    let value = value.filter(|value| truthy(value))?;
    let unix = time::resolve(value, now);
    Some(unix.map_or_else(|| "~".to_owned(), time::day))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Query, Refusal> {
        Query::read(body.as_object().unwrap(), 1_795_308_000)
    }

    #[test]
    fn json_false_is_no_filter_but_zero_is() {
        assert_eq!(
            read(&json!({"to_ids": false, "published": false})).map(|q| (q.to_ids, q.published)),
            Ok((None, None))
        );
        assert_eq!(
            read(&json!({"to_ids": 0, "published": "0"})).map(|q| (q.to_ids, q.published)),
            Ok((Some(false), Some(false)))
        );
        assert_eq!(read(&json!({"to_ids": "exclude"})).map(|q| q.to_ids), Ok(Some(false)));
        assert_eq!(read(&json!({"to_ids": [0, 1]})).map(|q| q.to_ids), Ok(None));
    }

    #[test]
    fn deleted_ones_alone_or_with_the_others() {
        for (value, want) in [
            (json!(true), Deleted::Only),
            (json!("only"), Deleted::Only),
            (json!([0, 1]), Deleted::Both),
            (json!(0), Deleted::Without),
            (json!([]), Deleted::Without),
        ] {
            assert_eq!(read(&json!({"deleted": value})).map(|q| q.deleted), Ok(want), "{value}");
        }
    }

    #[test]
    fn a_limit_that_is_no_number_breaks_the_query() {
        assert_eq!(read(&json!({"limit": "many"})).map(|q| q.limit), Err(Refusal::Internal));
        assert_eq!(read(&json!({"limit": "2.0"})).map(|q| q.limit), Ok(Some(2)));
        assert_eq!(read(&json!({"limit": 0})).map(|q| q.limit), Ok(None));
    }

    #[test]
    fn the_wrapped_form_and_unknown_keys_are_taken() {
        assert_eq!(
            read(&json!({"request": {"limit": 3}, "noSuchFilter": 1})).map(|q| q.limit),
            Ok(Some(3))
        );
    }

    #[test]
    fn a_format_that_it_does_not_write_is_refused() {
        assert_eq!(
            read(&json!({"returnFormat": "nonsense"})).map(|q| q.page),
            Err(Refusal::Format)
        );
    }
}
