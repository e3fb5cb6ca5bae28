//! Decaying models and the scores of attributes. The formula stands here a second time on purpose: a client with
//! another result is wrong, or this crate is.

use uuid::Uuid;

use crate::{
    json::{Node, object},
    query::{Decay, iso},
    store::{AttributeRow, Store},
};

const DAY: f64 = 86_400.0;

/// A model of how scores sink. The stand-in knows MISP's formula `Polynomial` only; it gives no scores by any other.
#[derive(Debug, Clone, PartialEq)]
pub struct DecayingModel {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its UUID.
    pub uuid: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The name of its formula.
    pub formula: String,
    /// Days until nothing is left.
    pub lifetime: f64,
    /// How fast a score falls at first.
    pub decay_speed: f64,
    /// Below it an attribute is decayed.
    pub threshold: f64,
    /// The score where no tag has a say.
    pub default_base_score: f64,
    /// Weights of taxonomies (`retention`) and their predicates (`phishing:state`).
    pub base_score_config: Vec<(String, f64)>,
    /// The attribute types that it is for.
    pub attribute_types: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its version.
    pub version: u64,
}

impl DecayingModel {
    /// Returns an enabled model with the numbers of MISP's "NIDS Simple Decaying Model", but no weights.
    #[must_use]
    pub fn new(name: impl Into<String>, attribute_types: &[&str]) -> Self {
        Self {
            id: 0,
            uuid: None,
            name: name.into(),
            description: String::new(),
            formula: "Polynomial".to_owned(),
            lifetime: 120.0,
            decay_speed: 2.0,
            threshold: 30.0,
            default_base_score: 80.0,
            base_score_config: Vec::new(),
            attribute_types: attribute_types.iter().map(ToString::to_string).collect(),
            enabled: true,
            version: 1,
        }
    }

    /// Returns the model "NIDS Simple Decaying Model" as MISP 2.5.1 comes with it, switched on.
    #[must_use]
    pub fn nids() -> Self {
        let types = [
            "domain",
            "domain|ip",
            "hostname",
            "hostname|port",
            "ip-dst",
            "ip-dst|port",
            "ip-src",
            "ip-src|port",
            "url",
            "snort",
            "suricata",
            "zeek",
            "bro",
        ];
        let weights = [
            ("estimative-language:confidence-in-analytic-judgment", 0.1667),
            ("estimative-language:likelihood-probability", 0.1667),
            ("false-positive:risk", 0.1667),
            ("priority-level", 0.1667),
            ("retention", 0.1667),
            ("targeted-threat-index:targeting-sophistication-base-value", 0.0833),
            ("targeted-threat-index:technical-sophistication-multiplier", 0.0833),
        ];
        Self {
            uuid: Some(Uuid::from_u128(0x073f_ae4a_2377_4cfa_bd34_2516_830d_33c3)),
            description: "Simple decaying model for Network Intrusion Detection System (NIDS). ".to_owned(),
            base_score_config: weights.map(|(name, weight)| (name.to_owned(), weight)).to_vec(),
            version: 2,
            ..Self::new("NIDS Simple Decaying Model", &types)
        }
    }

    /// Adds a weight.
    #[must_use]
    pub fn weight(mut self, taxonomy: impl Into<String>, weight: f64) -> Self {
        self.base_score_config.push((taxonomy.into(), weight));
        self
    }

    /// Returns the model as MISP shows it; its view and answers of a search also say whether the reader may change it.
    pub(crate) fn page(&self, says_editable: bool) -> Node {
        let texts = |list: &[String]| Node::List(list.iter().map(|text| text.as_str().into()).collect());
        let weights = self.base_score_config.iter();
        let weights = weights.map(|(name, weight)| (name.clone(), Node::Decimal(*weight)));
        let parameters = object([
            ("lifetime", Node::Decimal(self.lifetime)),
            ("decay_speed", Node::Decimal(self.decay_speed)),
            ("threshold", Node::Decimal(self.threshold)),
            ("default_base_score", Node::Decimal(self.default_base_score)),
            ("base_score_config", Node::Object(weights.collect())),
        ]);
        let mut page = vec![
            ("id", self.id.into()),
            (
                "uuid",
                self.uuid.map_or(Node::Null, |uuid| Node::Text(uuid.to_string())),
            ),
            ("name", self.name.as_str().into()),
            ("parameters", parameters),
            ("attribute_types", texts(&self.attribute_types)),
            ("description", self.description.as_str().into()),
            ("org_id", Node::Null),
            ("enabled", self.enabled.into()),
            ("all_orgs", true.into()),
            (
                "ref",
                Node::List(vec![
                    "https://arxiv.org/abs/1902.03914".into(),
                    "https://arxiv.org/abs/1803.11052".into(),
                ]),
            ),
            ("formula", self.formula.as_str().into()),
            ("version", self.version.into()),
            ("default", true.into()),
        ];
        if says_editable {
            page.push(("isEditable", false.into()));
        }
        Node::Object(page.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

/// What one model makes of a row.
#[derive(Debug)]
pub(crate) struct DecayScore<'a> {
    pub(crate) model: &'a DecayingModel,
    pub(crate) score: f64,
    pub(crate) base_score: f64,
    pub(crate) decayed: bool,
}

/// Returns the scores that a search wants of a row.
///
/// Models asked for by number give a score for any type, enabled or not (313); else those do that are on and
/// name the type (312).
pub(crate) fn scores<'a>(store: &'a Store, row: &AttributeRow, decay: &Decay) -> Vec<DecayScore<'a>> {
    let kind = store.names.name(row.kind);
    let wanted = |model: &&DecayingModel| match &decay.models {
        Some(ids) => ids.contains(&model.id),
        None => model.enabled && model.attribute_types.iter().any(|name| name == kind),
    };
    let models = store.decaying_models.iter().filter(wanted);
    models
        .filter(|model| model.formula.eq_ignore_ascii_case("polynomial"))
        .map(|model| {
            let base_score = base_score(store, row, model);
            let score = sunk(model, base_score, decay.now - counted_from(store, row));
            DecayScore {
                model,
                score,
                base_score,
                decayed: score < decay.threshold.unwrap_or(model.threshold),
            }
        })
        .collect()
}

/// A hit counts unless the attribute was changed after it; else `last_seen` does, and else the last change.
fn counted_from(store: &Store, row: &AttributeRow) -> i64 {
    let hits = store
        .sightings()
        .filter(|seen| seen.attribute == row.id && seen.kind == 0);
    if let Some(hit) = hits.map(|seen| seen.seen_at).max().filter(|hit| *hit >= row.timestamp) {
        return hit;
    }
    let last_seen = row.rare.as_ref().and_then(|rare| rare.last_seen.as_deref());
    last_seen.and_then(iso).unwrap_or(row.timestamp)
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
fn sunk(model: &DecayingModel, base_score: f64, seconds: i64) -> f64 {
    if seconds < 0 {
        return 0.0;
    }
    let share = (seconds as f64) / (model.lifetime * DAY);
    (base_score * (1.0 - share.powf(1.0 / model.decay_speed))).max(0.0)
}

/// The tags that count, one place each: those of the event, then the attribute's own, which push out the event's of the
/// same taxonomy.
fn base_score(store: &Store, row: &AttributeRow, model: &DecayingModel) -> f64 {
    let of_event = &store.event_of(row).tags;
    let mut places: Vec<(String, Option<i64>, bool)> = Vec::new();
    for attached in of_event {
        let tag = &store.tags[attached.tag as usize];
        places.push((taxonomy(&tag.name), tag.numerical_value, true));
    }
    for attached in &row.tags {
        let tag = &store.tags[attached.tag as usize];
        let name = taxonomy(&tag.name);
        match places
            .iter()
            .position(|(other, _, of_event)| *of_event && *other == name)
        {
            Some(first) => {
                let mut place = 0..;
                places.retain(|(other, _, of_event)| place.next() <= Some(first) || !*of_event || *other != name);
                places[first].1 = tag.numerical_value;
            }
            None => places.push((name, tag.numerical_value, false)),
        }
    }
    let weight = |name: &str| model.base_score_config.iter().find(|(known, _)| known == name);
    let weighed: Vec<(f64, i64)> = places
        .iter()
        .filter_map(|(name, value, _)| Some((weight(name)?.1, (*value)?)))
        .collect();
    if weighed.is_empty() {
        return model.default_base_score;
    }
    let total: f64 = weighed.iter().map(|(weight, _)| weight).sum();
    #[expect(clippy::cast_precision_loss, reason = "test data hold small values")]
    let worth = |(weight, value): &(f64, i64)| weight / total * (*value as f64);
    weighed.iter().map(worth).sum()
}

/// `a:b="c"` belongs to `a:b`, `a:b` to `a`; any other name to itself.
fn taxonomy(tag: &str) -> String {
    let parts: Vec<&str> = tag.split([':', '=', '"']).collect();
    match parts.as_slice() {
        [namespace, predicate, "", value, ""] if tag == format!("{namespace}:{predicate}=\"{value}\"") => {
            format!("{namespace}:{predicate}")
        }
        [namespace, value] if !namespace.is_empty() && !value.is_empty() && tag.contains(':') => {
            (*namespace).to_owned()
        }
        _ => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Clock, Event, Moment, Tag};

    fn score_of(event_tags: &[(&str, i64)], own: &[(&str, i64)]) -> f64 {
        let mut store = Store::new(Clock::fixed(1_795_308_000));
        let (mut event, mut attribute) = (Event::new("x"), Attribute::new("domain", "a.example.com"));
        for (name, value) in event_tags.iter().chain(own) {
            store.add_tag(Tag::new(*name).worth(*value));
        }
        for (name, _) in event_tags {
            event = event.tag(*name);
        }
        for (name, _) in own {
            attribute = attribute.tag(*name);
        }
        attribute.changed = Some(Moment::Ago(0));
        store.add_event(event.attribute(attribute));
        let model = DecayingModel::new("m", &["domain"])
            .weight("a:b", 0.25)
            .weight("a:c", 0.75)
            .weight("r", 0.5);
        base_score(&store, &store.attributes[0], &model)
    }

    #[test]
    fn tags_are_weighed_and_own_ones_come_first() {
        assert_eq!(score_of(&[], &[]), 80.0);
        assert_eq!(score_of(&[(r#"a:b="x""#, 100), (r#"a:c="x""#, 20)], &[]), 40.0);
        assert_eq!(
            score_of(&[(r#"a:b="x""#, 10), (r#"a:b="y""#, 30)], &[(r#"a:b="z""#, 90)]),
            90.0
        );
        assert_eq!(score_of(&[("r:7d", 7)], &[("tlp:green", 1)]), 7.0);
    }

    #[test]
    fn taxonomies_are_what_models_name() {
        for (tag, name) in [
            (r#"a:b="c""#, "a:b"),
            ("r:7d", "r"),
            ("plain", "plain"),
            ("a=b", "a=b"),
            ("a:b=c", "a:b=c"),
            ("a:", "a:"),
        ] {
            assert_eq!(taxonomy(tag), name);
        }
    }
}
