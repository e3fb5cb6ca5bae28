//! Schemas of answers and bodies, derived from the structs that are written and read.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::invalid::Invalid;
use crate::problem::Problem;

/// The schemas of one document. Structs become components, once each.
#[derive(Debug)]
pub(super) struct Schemas {
    /// Describes structs as they are written: a field is there unless writing can skip it.
    answers: SchemaGenerator,
    /// Describes structs as they are read: a field may be missing if it has a default.
    requests: SchemaGenerator,
}

impl Schemas {
    /// Returns the schemas that every document has: those of refusals.
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let mut answers = settings.clone().for_serialize().into_generator();
        for (name, schema) in [
            ("Problem", Problem::<String>::json_schema(&mut answers)),
            ("InvalidRequest", Problem::<Vec<Invalid>>::json_schema(&mut answers)),
        ] {
            answers.definitions_mut().insert(name.to_owned(), schema.into());
        }
        Self {
            answers,
            requests: settings.for_deserialize().into_generator(),
        }
    }

    /// Returns the schema of an answer.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().into()
    }

    /// Returns the schema of a body.
    pub(super) fn request<T: JsonSchema>(&mut self) -> Value {
        self.requests.subschema_for::<T>().into()
    }

    /// Returns the schema of a struct whose fields stand in a query.
    pub(super) fn query<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.requests).into()
    }

    /// Returns all components by name.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        all.extend(self.requests.take_definitions(true));
        all
    }
}
