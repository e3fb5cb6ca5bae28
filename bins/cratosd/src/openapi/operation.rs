//! One operation of the API while it is described.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::{Refusal, SECURITY, TOKEN_IN_PATH};

/// What one method of one path does.
#[derive(Debug)]
pub(super) struct Operation {
    fields: Map<String, Value>,
    parameters: Vec<Value>,
    answers: BTreeMap<u16, Answer>,
}

#[derive(Debug)]
enum Answer {
    Own(Value),
    Refused(Refusal),
}

impl Operation {
    /// Returns an operation that may fail through a defect of ours and in no other way.
    pub(super) fn new(id: &str, tag: &str, summary: &str) -> Self {
        let fields = [
            ("operationId", id.into()),
            ("tags", json!([tag])),
            ("summary", summary.into()),
        ];
        Self {
            fields: fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
            parameters: Vec::new(),
            answers: BTreeMap::new(),
        }
        .refuses([Refusal::Internal])
    }

    pub(super) fn description(mut self, text: &str) -> Self {
        self.fields.insert("description".to_owned(), text.into());
        self
    }

    /// Adds that a token is needed, and every way in which it can be sent.
    pub(super) fn needs_token(mut self) -> Self {
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
    pub(super) fn in_path(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema }),
        )
    }

    /// Adds what may stand in the query.
    pub(super) fn in_query(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": description, "schema": schema }))
    }

    pub(super) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Adds that the caller may have the newest version already.
    pub(super) fn conditional(self) -> Self {
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
    pub(super) fn example(mut self, value: impl Into<Value>) -> Self {
        if let Some(Value::Object(parameter)) = self.parameters.last_mut() {
            parameter.insert("example".to_owned(), value.into());
        }
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.fields.insert("requestBody".to_owned(), body);
        self
    }

    pub(super) fn answers(mut self, status: u16, answer: Value) -> Self {
        self.answers.insert(status, Answer::Own(answer));
        self
    }

    /// Adds a 200 of one media type.
    pub(super) fn gives(self, media_type: &str, schema: Value, description: &str) -> Self {
        self.answers(
            200,
            json!({ "description": description, "content": { media_type: { "schema": schema } } }),
        )
    }

    pub(super) fn refuses(mut self, refusals: impl IntoIterator<Item = Refusal>) -> Self {
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
