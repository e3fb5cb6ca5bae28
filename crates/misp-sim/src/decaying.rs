//! The scores of attributes by decaying models, and a model as MISP shows it. The client has the same formula; it is
//! written twice on purpose: where the results differ, one of the two is wrong.

use crate::{
    json::{Node, object},
    model::DecayingModel,
    query::{Decay, iso},
    store::{AttributeRow, AttributeView, Store},
};

const DAY: f64 = 86_400.0;

impl DecayingModel {
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

impl<'a> AttributeView<'a> {
    /// Returns its score now by each enabled decaying model for its type, as a search with `includeDecayScore` shows
    /// it.
    #[must_use]
    pub fn decay_scores(&self) -> Vec<(&'a str, f64)> {
        let scores = scores(self.store, self.row, &Decay::of_all_models(self.store.now()));
        scores
            .into_iter()
            .map(|score| (score.model.name.as_str(), score.score))
            .collect()
    }
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
