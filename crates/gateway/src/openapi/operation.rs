//! The description of one method of one route.

use std::collections::BTreeMap;

use feed_classification::Registry;
use http::Method;
use serde_json::{Map, Value, json};

use super::path::Path;
use super::schemas::{Refusal, SECURITY, TOKEN_IN_PATH};

/// An OpenAPI operation while it is put together. The `words` of a route fill it.
pub(crate) struct Operation<'a> {
    path: Path,
    method: &'a Method,
    registry: &'a Registry,
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
    pub(super) fn of(path: Path, method: &'a Method, registry: &'a Registry) -> Self {
        let operation = Self {
            path,
            method,
            registry,
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

    /// Returns the method that is described; never `HEAD`.
    pub(crate) fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the exporters of the daemon.
    pub(crate) fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// Sets the name that generated clients use, the group in which readers show the operation, and one line of summary.
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

    /// Adds what may stand in the query.
    pub(crate) fn in_query(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": description, "schema": schema }))
    }

    pub(crate) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Adds that the caller may have the newest version already.
    pub(crate) fn conditional(self) -> Self {
        let text = json!({ "type": "string" });
        self.parameter(json!({
            "name": "If-None-Match", "in": "header", "schema": text, "description": "Entity tags that the caller has.",
        }))
        .parameter(json!({
            "name": "If-Modified-Since", "in": "header", "schema": text,
            "description": "When the caller last got it; counts without `If-None-Match` only.",
        }))
        .answers(304, json!({ "description": "The caller has the newest version." }))
    }

    /// Gives the parameter that was added last a value that works, for readers that fill forms in.
    pub(crate) fn example(mut self, value: impl Into<Value>) -> Self {
        if let Some(Value::Object(parameter)) = self.parameters.last_mut() {
            parameter.insert("example".to_owned(), value.into());
        }
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.fields.insert("requestBody".to_owned(), body);
        self
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
