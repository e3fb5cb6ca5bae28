//! The stand-in for MISP with many events, and edits made from outside.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::bench::connection::Connection;
use crate::bench::misp::Misp;

pub(in crate::bench) struct StandIn {
    misp: Misp,
    /// The address of its second port, for edits.
    control: String,
}

/// One question that the stand-in was asked.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) bytes: u64,
}

/// A published attribute.
pub(in crate::bench) struct Attribute {
    pub(in crate::bench) id: u64,
    pub(in crate::bench) event: u64,
    pub(in crate::bench) value: String,
}

impl StandIn {
    pub(in crate::bench) fn start(program: &Path, attributes: usize, events: usize) -> anyhow::Result<Self> {
        let (attributes, events) = (attributes.to_string(), events.to_string());
        let size = ["--attributes", &attributes, "--events", &events];
        let mut misp = Misp::start(program, &[&size[..], &["--control", "127.0.0.1:0"]].concat())?;
        let control = misp.next_line()?.trim_start_matches("http://").to_owned();
        Ok(Self { misp, control })
    }

    pub(in crate::bench) fn process(&self) -> &Misp {
        &self.misp
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.misp.port)
    }

    /// Returns published domains in the feed `block`, each of another event.
    pub(in crate::bench) fn domains(&self, count: usize) -> anyhow::Result<Vec<Attribute>> {
        let question = json!({
            "returnFormat": "json", "type": "domain", "published": 1, "to_ids": 1, "limit": count * 400, "page": 1, "timestamp": "300d",
            "tags": ["example:incident-classification=block"],
        });
        let answer = self.ask("POST", "/attributes/restSearch", &question)?;
        let mut found: Vec<Attribute> = Vec::new();
        for row in answer["response"]["Attribute"].as_array().into_iter().flatten() {
            let number = |name: &str| row[name].as_str().and_then(|text| text.parse().ok());
            let (Some(id), Some(event), Some(value)) = (number("id"), number("event_id"), row["value"].as_str()) else {
                continue;
            };
            if found.last().is_none_or(|before| before.event != event) {
                found.push(Attribute {
                    id,
                    event,
                    value: value.to_owned(),
                });
            }
        }
        found.truncate(count);
        if found.len() < count {
            bail!(
                "the stand-in has only {} events with published domains to block",
                found.len()
            );
        }
        Ok(found)
    }

    /// Changes the value of an attribute, which unpublishes its event, and publishes that again.
    pub(in crate::bench) fn change_and_publish(&self, attribute: &Attribute, value: &str) -> anyhow::Result<()> {
        self.edit(&json!({"attribute": [attribute.id, {"value": value}]}))?;
        self.edit(&json!({"event": [attribute.event, "publish"]}))
    }

    /// Gives a user of MISP another key; the one before is refused from then on.
    pub(in crate::bench) fn give_key(&self, user: u64, key: &str) -> anyhow::Result<()> {
        self.edit(&json!({"site": {"user_key": [user, key]}}))
    }

    /// Moves MISP's clock.
    pub(in crate::bench) fn advance_clock(&self, seconds: i64) -> anyhow::Result<()> {
        self.steer("POST", "/sim/clock", &json!({"advance": seconds})).map(drop)
    }

    /// Lets MISP fail in this way from now on; null ends it.
    pub(in crate::bench) fn misbehave(&self, fault: &Value) -> anyhow::Result<()> {
        self.steer("POST", "/sim/fault", &json!({"fault": fault})).map(drop)
    }

    fn edit(&self, edit: &Value) -> anyhow::Result<()> {
        self.steer("POST", "/sim/edit", edit).map(drop)
    }

    /// Returns the questions since they were last cleared.
    pub(super) fn questions(&self) -> anyhow::Result<Vec<Asked>> {
        let log = self.steer("GET", "/sim/requests", &Value::Null)?;
        let log = log.as_array().context("no list of requests")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let asked = log.iter().map(|request| Asked {
            method: text(&request["method"]),
            path: text(&request["path"]),
            body: request["body"].clone(),
            bytes: request["answer_bytes"].as_u64().unwrap_or_default(),
        });
        Ok(asked.collect())
    }

    pub(super) fn clear_questions(&self) -> anyhow::Result<()> {
        self.steer("POST", "/sim/traffic", &Value::Null).map(drop)
    }

    /// Lets each answer take so long from now on.
    pub(super) fn answer_after(&self, time: Duration) -> anyhow::Result<()> {
        let fault = if time.is_zero() {
            json!({})
        } else {
            json!({"fault": {"late": time}})
        };
        self.steer("POST", "/sim/fault", &fault).map(drop)
    }

    /// Asks as a user of MISP.
    fn ask(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        exchange(&self.address(), &self.misp.key, method, path, body)
    }

    /// Asks the second port.
    fn steer(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        exchange(&self.control, "", method, path, body)
    }
}

fn exchange(address: &str, key: &str, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let headers = [
        ("authorization", key),
        ("accept", "application/json"),
        ("content-type", "application/json"),
    ];
    let answer = Connection::open(address)?.ask(method, path, &headers, &body)?;
    if answer.status >= 300 {
        let text = String::from_utf8_lossy(&answer.body);
        bail!("the stand-in answers {method} {path} with {}: {text}", answer.status);
    }
    answer.json()
}
