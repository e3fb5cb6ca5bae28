//! `GET /decayingModel/index` and `/decayingModel/view/ID`: the rules by which scores sink.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::read;
use crate::decay::DecayingModel;
use crate::json::lenient::{self, Decimal, Flag, Id, Int, Text};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const INDEX: &str = "/decayingModel/index";
const VIEW: &str = "/decayingModel/view";
/// A model is about 1.5 kB; MISP comes with a handful.
const MAX_INDEX_BYTES: u64 = 16 << 20;
const MAX_MODEL_BYTES: u64 = 1 << 20;
/// Models on a page of MISP's list.
const PAGE: usize = 50;
const MAX_PAGES: usize = 20;

#[derive(Deserialize)]
struct RawOne {
    #[serde(rename = "DecayingModel")]
    model: RawModel,
    /// The types of models made on this MISP; MISP's own models hold their types themselves.
    #[serde(default, rename = "DecayingModelMapping", deserialize_with = "lenient::list")]
    mapped: Vec<RawMapping>,
}

#[derive(Deserialize)]
struct RawMapping {
    #[serde(default)]
    attribute_type: Text,
}

#[derive(Deserialize)]
struct RawModel {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    formula: Text,
    #[serde(default, deserialize_with = "lenient::object")]
    parameters: RawParameters,
    #[serde(default)]
    attribute_types: Names,
    #[serde(default)]
    enabled: Flag,
}

#[derive(Default, Deserialize)]
struct RawParameters {
    #[serde(default)]
    lifetime: Decimal,
    #[serde(default)]
    decay_speed: Decimal,
    #[serde(default)]
    threshold: Decimal,
    #[serde(default)]
    default_base_score: Decimal,
    #[serde(default)]
    base_score_config: Weights,
}

/// A list of names. MISP takes names out of lists without closing the gap, and PHP then writes an object with numbers
/// for keys.
#[derive(Default)]
struct Names(Vec<String>);

/// The weights of tags, or that they cannot be read.
struct Weights(Option<BTreeMap<String, f64>>);

impl Default for Weights {
    fn default() -> Self {
        Self(Some(BTreeMap::new()))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_unit<E>(self) -> Result<Names, E> {
        Ok(Names::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element::<Text>()? {
            names.extend(name.into_option());
        }
        Ok(Names(names))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some((_, name)) = map.next_entry::<IgnoredAny, Text>()? {
            names.extend(name.into_option());
        }
        Ok(Names(names))
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightsVisitor)
    }
}

struct WeightsVisitor;

impl<'de> Visitor<'de> for WeightsVisitor {
    type Value = Weights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("weights by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weights, A::Error> {
        let mut weights = Some(BTreeMap::new());
        while let Some((name, weight)) = map.next_entry::<String, Decimal>()? {
            weights = weights.zip(weight.known()).map(|(mut weights, weight)| {
                weights.insert(name, weight);
                weights
            });
        }
        Ok(Weights(weights))
    }

    /// PHP writes an object without members as a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Weights, A::Error> {
        let mut is_empty = true;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            is_empty = false;
        }
        Ok(Weights(is_empty.then(BTreeMap::new)))
    }

    fn visit_unit<E>(self) -> Result<Weights, E> {
        Ok(Weights::default())
    }

    /// MISP keeps 0 for a parameter that was left empty.
    fn visit_u64<E>(self, number: u64) -> Result<Weights, E> {
        Ok(Weights((number == 0).then(BTreeMap::new)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Weights, E> {
        Ok(Weights(None))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Weights, E> {
        Ok(Weights((number == 0.0).then(BTreeMap::new)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Weights, E> {
        Ok(Weights(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Weights, E> {
        Ok(Weights(text.trim_ascii().is_empty().then(BTreeMap::new)))
    }
}

impl RawOne {
    fn into_model(self) -> Option<DecayingModel> {
        let mut model = self.model.into_model()?;
        for name in self
            .mapped
            .into_iter()
            .filter_map(|mapped| mapped.attribute_type.into_option())
        {
            if !model.attribute_types.contains(&name) {
                model.attribute_types.push(name);
            }
        }
        Some(model)
    }
}

impl RawModel {
    fn into_model(self) -> Option<DecayingModel> {
        let weights = self.parameters.base_score_config.0;
        Some(DecayingModel {
            id: self.id.unsigned()?,
            uuid: self.uuid.known(),
            name: self.name.into_option()?,
            formula: self.formula.into_option().unwrap_or_default(),
            lifetime_days: self.parameters.lifetime.known(),
            decay_speed: self.parameters.decay_speed.known(),
            threshold: self.parameters.threshold.known(),
            default_base_score: self.parameters.default_base_score.known().unwrap_or(0.0),
            base_score_config_is_known: weights.is_some(),
            base_score_config: weights.unwrap_or_default(),
            attribute_types: self.attribute_types.0,
            enabled: self.enabled.or(false),
        })
    }
}

impl DecayingModel {
    /// Reads the list of models, as MISP answers with it at `/decayingModel/index`.
    ///
    /// # Errors
    /// [`ErrorKind::CutShort`], [`ErrorKind::NotJson`] or [`ErrorKind::UnexpectedAnswer`].
    pub fn read_all(body: &[u8]) -> Result<Vec<Self>, Error> {
        read_index(body)
    }
}

fn read_index(body: &[u8]) -> Result<Vec<DecayingModel>, Error> {
    let not_models = |detail: String| Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail).at(INDEX);
    let raw: Vec<RawOne> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => Error::new(ErrorKind::CutShort).at(INDEX),
        serde_json::error::Category::Data => not_models(format!("line {} column {}", error.line(), error.column())),
        _ => Error::new(ErrorKind::NotJson).at(INDEX),
    })?;
    Ok(raw.into_iter().filter_map(RawOne::into_model).collect())
}

fn index(page: usize) -> Request {
    match page {
        1 => Request::get(INDEX),
        page => Request::get(INDEX).with_path(format!("{INDEX}/page:{page}")),
    }
}

fn view(id: u64) -> Request {
    Request::get(VIEW).with_path(format!("{VIEW}/{id}"))
}

impl Client {
    /// Returns all decaying models that the key may see, whether they are enabled or not.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn decaying_models(&self) -> Result<Vec<DecayingModel>, Error> {
        let mut models: Vec<DecayingModel> = Vec::new();
        for page in 1..=MAX_PAGES {
            let body = match self.ask_small(index(page), MAX_INDEX_BYTES).await {
                // The page before was the last one, and full.
                Err(error) if page > 1 && error.kind() == ErrorKind::NotFound => break,
                answer => answer?,
            };
            let found = read_index(&body)?;
            let is_full = found.len() >= PAGE;
            let known = models.len();
            // A server that knows no pages says the same again.
            models.extend(
                found
                    .into_iter()
                    .filter(|model| models.iter().all(|known| known.id != model.id))
                    .collect::<Vec<_>>(),
            );
            if !is_full || models.len() == known {
                break;
            }
        }
        Ok(models)
    }

    /// Returns one decaying model.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when MISP has no such number; any [`ErrorKind`] of a question.
    pub async fn decaying_model(&self, id: u64) -> Result<DecayingModel, Error> {
        let body = self.ask_small(view(id), MAX_MODEL_BYTES).await?;
        let raw: RawOne = read(&body, VIEW)?;
        match raw.into_model() {
            Some(model) if model.id == id => Ok(model),
            _ => Err(Error::new(ErrorKind::UnexpectedAnswer)
                .with_detail("not the model asked for")
                .at(VIEW)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(model: &str) -> DecayingModel {
        let body = format!(r#"[{{"DecayingModel": {model}, "DecayingModelMapping": []}}]"#);
        read_index(body.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn numbers_may_be_text_and_lists_objects() {
        let model = one(r#"{"id": 7, "name": "Ours", "formula": "Polynomial", "enabled": "1",
            "parameters": {"lifetime": "2.5", "decay_speed": "0.3", "threshold": "30", "default_base_score": "75",
                "base_score_config": {"a:b": "0.5", "c": 1}, "settings": "{}"},
            "attribute_types": {"0": "domain", "2": "url"}}"#);
        assert_eq!((model.id, model.uuid, model.enabled), (7, None, true));
        assert_eq!((model.lifetime_days, model.decay_speed), (Some(2.5), Some(0.3)));
        assert_eq!((model.threshold, model.default_base_score), (Some(30.0), 75.0));
        assert_eq!(
            model.base_score_config,
            [("a:b".to_owned(), 0.5), ("c".to_owned(), 1.0)].into()
        );
        assert_eq!(model.attribute_types, ["domain", "url"]);
    }

    #[test]
    fn types_of_a_model_that_somebody_made_stand_beside_it() {
        let body = r#"[{"DecayingModel": {"id": "7", "name": "Ours", "attribute_types": ["md5"]},
            "DecayingModelMapping": [{"id": "1", "attribute_type": "sha256", "model_id": "7"}, {"attribute_type": "md5"}, {}]}]"#;
        assert_eq!(
            read_index(body.as_bytes()).unwrap()[0].attribute_types,
            ["md5", "sha256"]
        );
    }

    #[test]
    fn weights_are_empty_or_known_or_said_to_be_unknown() {
        for (json, known) in [
            ("null", true),
            ("[]", true),
            ("{}", true),
            ("0", true),
            ("\"\"", true),
            ("[1]", false),
            ("\"a=1\"", false),
            ("7", false),
            ("-1", false),
            ("true", false),
            (r#"{"a": "much"}"#, false),
        ] {
            let model = one(&format!(
                r#"{{"id": 1, "name": "x", "parameters": {{"base_score_config": {json}}}}}"#
            ));
            assert_eq!(model.base_score_config_is_known, known, "{json}");
            assert!(model.base_score_config.is_empty());
        }
    }

    #[test]
    fn what_is_no_list_of_models_is_refused() {
        for (body, kind) in [
            ("", ErrorKind::CutShort),
            ("[", ErrorKind::CutShort),
            ("<html>", ErrorKind::NotJson),
            ("{}", ErrorKind::UnexpectedAnswer),
            ("[{}]", ErrorKind::UnexpectedAnswer),
            (
                r#"[{"DecayingModel": {"id": 1, "attribute_types": "domain"}}]"#,
                ErrorKind::UnexpectedAnswer,
            ),
        ] {
            assert_eq!(read_index(body.as_bytes()).unwrap_err().kind(), kind, "{body}");
        }
        assert!(read_index(b"[]").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_index(&body);
        }

        #[test]
        fn any_parameters_are_read_or_refused(lifetime in ".{0,12}", weights in ".{0,20}", types in ".{0,20}") {
            let json = format!(
                r#"[{{"DecayingModel": {{"id": 1, "name": "x", "parameters": {{"lifetime": {lifetime:?}, "base_score_config": {weights}}}, "attribute_types": {types}}}}}]"#
            );
            let _ = read_index(json.as_bytes());
        }
    }
}
