//! The description of one method of one route.

use std::collections::BTreeMap;

use feed_classification::Registry;
use http::Method;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::JSON;
use super::components::{Refusal, SECURITY, TOKEN_IN_PATH};
use super::path::Path;
use super::schemas::Schemas;

/// An OpenAPI operation while it is put together. The `words` of a route fill it.
pub(crate) struct Operation<'a> {
    path: Path,
    method: &'a Method,
    registry: &'a Registry,
    schemas: &'a mut Schemas,
    fields: Map<String, Value>,
    parameters: Vec<Value>,
    answers: BTreeMap<u16, Answer>,
}

#[derive(Debug)]
enum Answer {
    Own(Value),
    Refused(Refusal),
}

impl<'a> Operation<'a> {
    /// Describes a method of a route for a daemon with these exporters.
    pub(super) fn of(path: Path, method: &'a Method, registry: &'a Registry, schemas: &'a mut Schemas) -> Self {
        let operation = Self {
            path,
            method,
            registry,
            schemas,
            fields: Map::new(),
            parameters: Vec::new(),
            answers: BTreeMap::new(),
        };
        let operation = operation.refuses([Refusal::Internal]);
        let operation = if path.needs_token {
            operation.needs_token()
        } else {
            operation
        };
        (path.words)(operation)
    }

    /// Returns the template of the route, for example `/v1/lookup/{value}`.
    pub(crate) fn template(&self) -> &'static str {
        self.path.template
    }

    /// Returns the described method, which is never `HEAD`.
    pub(crate) fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the exporters of the daemon.
    pub(crate) fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// Sets the name that generated clients use, the group in which readers show the operation, and one line of
    /// summary.
    pub(crate) fn named(mut self, id: &str, tag: &str, summary: &str) -> Self {
        let fields = [
            ("operationId", id.into()),
            ("tags", json!([tag])),
            ("summary", summary.into()),
        ];
        self.fields.extend(fields.map(|(key, value)| (key.to_owned(), value)));
        self
    }

    pub(crate) fn description(mut self, text: &str) -> Self {
        self.fields.insert("description".to_owned(), text.into());
        self
    }

    /// Adds that a token is needed, and every way in which it can be sent.
    fn needs_token(mut self) -> Self {
        let security = SECURITY.map(|scheme| json!({ scheme: [] }));
        self.fields.insert("security".to_owned(), json!(security));
        let token =
            json!({ "default": "TOKEN", "description": "The token, for devices that can send nothing but a URL." });
        let servers = json!([
            { "url": "/", "description": "token in a header or the query" },
            { "url": TOKEN_IN_PATH, "description": "token in the path", "variables": { "token": token } },
        ]);
        self.fields.insert("servers".to_owned(), servers);
        self.refuses([
            Refusal::BadCredentials,
            Refusal::Forbidden,
            Refusal::TooOften,
            Refusal::Unavailable,
        ])
    }

    /// Adds a required part of the path.
    pub(crate) fn in_path(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema }),
        )
    }

    /// Adds the fields of a struct as parameters of the query.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        let mut schema = self.schemas.query::<T>();
        let required = schema["required"].take();
        let Value::Object(properties) = schema["properties"].take() else {
            return self;
        };
        for (name, property) in properties {
            let is_required = required.as_array().is_some_and(|names| names.contains(&json!(name)));
            self.parameters.push(parameter_of(&name, is_required, property));
        }
        self
    }

    /// Adds a header of the request.
    pub(crate) fn in_header(self, name: &str, description: &str) -> Self {
        let text = json!({ "type": "string" });
        self.parameter(json!({ "name": name, "in": "header", "schema": text, "description": description }))
    }

    pub(crate) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Adds parameters that follow from the exporters of the daemon.
    pub(crate) fn parameters(mut self, of: impl Fn(&Registry) -> Vec<Value>) -> Self {
        self.parameters.extend(of(self.registry));
        self
    }

    /// Adds the headers with which a caller says which version it has, and the answer if that is still the newest.
    pub(crate) fn conditional(self) -> Self {
        self.in_header("If-None-Match", "Entity tags that the caller has.")
            .in_header(
                "If-Modified-Since",
                "When the caller last got it; counts without `If-None-Match` only.",
            )
            .answers(304, json!({ "description": "The caller has the newest version." }))
    }

    /// Gives the parameter that was added last a value that works, for readers that fill forms in.
    pub(crate) fn example(mut self, value: impl Into<Value>) -> Self {
        if let Some(Value::Object(parameter)) = self.parameters.last_mut() {
            parameter.insert("example".to_owned(), value.into());
        }
        self
    }

    /// Adds a body that is described by hand.
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.fields.insert("requestBody".to_owned(), body);
        self
    }

    /// Returns the schema of a body that is read into this struct.
    pub(crate) fn schema_of_body<T: JsonSchema>(&mut self) -> Value {
        self.schemas.request::<T>()
    }

    /// Returns the schema of an answer that is written from this struct.
    pub(crate) fn schema_of_answer<T: JsonSchema>(&mut self) -> Value {
        self.schemas.answer::<T>()
    }

    /// Adds a JSON answer that is written from this struct.
    pub(crate) fn answers_with<T: JsonSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.schema_of_answer::<T>();
        self.answers(
            status,
            json!({ "description": description, "content": { JSON: { "schema": schema } } }),
        )
    }

    pub(crate) fn answers(mut self, status: u16, answer: Value) -> Self {
        self.answers.insert(status, Answer::Own(answer));
        self
    }

    /// Adds a 200 of one media type.
    pub(crate) fn gives(self, media_type: &str, schema: Value, description: &str) -> Self {
        self.answers(
            200,
            json!({ "description": description, "content": { media_type: { "schema": schema } } }),
        )
    }

    pub(crate) fn refuses(mut self, refusals: impl IntoIterator<Item = Refusal>) -> Self {
        for refusal in refusals {
            self.answers.insert(refusal.status(), Answer::Refused(refusal));
        }
        self
    }

    pub(super) fn into_value(mut self) -> Value {
        let answers = self.answers.into_iter().map(|(status, answer)| {
            let answer = match answer {
                Answer::Own(answer) => answer,
                Answer::Refused(refusal) => json!({ "$ref": format!("#/components/responses/{}", refusal.name()) }),
            };
            (status.to_string(), answer)
        });
        self.fields.insert("responses".to_owned(), answers.collect());
        if !self.parameters.is_empty() {
            self.fields.insert("parameters".to_owned(), self.parameters.into());
        }
        self.fields.into()
    }
}

/// Returns a parameter of the query for a field of a struct. A missing field is `null` in the struct; a query has no
/// such value.
fn parameter_of(name: &str, is_required: bool, schema: Value) -> Value {
    let Value::Object(mut schema) = schema else {
        return json!({ "name": name, "in": "query", "schema": schema });
    };
    let mut parameter = Map::new();
    parameter.insert("name".to_owned(), name.into());
    parameter.insert("in".to_owned(), "query".into());
    if is_required {
        parameter.insert("required".to_owned(), true.into());
    }
    if let Some(description) = schema.remove("description") {
        parameter.insert("description".to_owned(), description);
    }
    if let Some(Value::Array(examples)) = schema.remove("examples") {
        parameter.extend(
            examples
                .into_iter()
                .next()
                .map(|example| ("example".to_owned(), example)),
        );
    }
    for values in ["type", "enum"] {
        if let Some(Value::Array(values)) = schema.get_mut(values) {
            values.retain(|value| !value.is_null() && value != "null");
        }
    }
    if let Some(Value::Array(types)) = schema.get("type")
        && let [only] = types.as_slice()
    {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
    parameter.insert("schema".to_owned(), schema.into());
    parameter.into()
}
