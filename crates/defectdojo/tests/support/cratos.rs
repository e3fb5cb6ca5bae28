//! cratosd's look-up, as its contract says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Log, Reply, Request, serve};

pub(crate) const TOKEN: &str = "a-token-of-cratosd";

/// Which CVEs are in which events.
#[derive(Clone, Debug, Default)]
struct State {
    listed: HashMap<String, Vec<Value>>,
    no_context: bool,
}

#[derive(Debug)]
pub(crate) struct Cratos {
    url: String,
    pub(crate) log: Log,
    state: Arc<Mutex<State>>,
}

impl Cratos {
    pub(crate) fn start() -> Self {
        let (log, state) = (Log::default(), Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        let url = serve(&log, move |request| answer(&shared.lock().unwrap(), request));
        Self { url, log, state }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Lists a CVE in the event with this number.
    pub(crate) fn list(&self, cve: &str, event: u32) {
        self.list_with(cve, event, &format!("Campaign {event}"));
    }

    pub(crate) fn list_with(&self, cve: &str, event: u32, info: &str) {
        let found = json!({
            "value": cve, "type": "vulnerability", "relation": "exact", "feed": "any",
            "event_id": event.to_string(), "event_uuid": uuid(event), "event_info": info,
            "event_url": format!("https://misp.example.net/events/view/{event}"), "tlp": "amber", "threat_actor": "APT X, APT Y",
        });
        let mut state = self.state.lock().unwrap();
        state.listed.entry(cve.to_owned()).or_default().push(found);
    }

    pub(crate) fn unlist(&self, cve: &str) {
        self.state.lock().unwrap().listed.remove(cve);
    }

    pub(crate) fn take_context(&self) {
        self.state.lock().unwrap().no_context = true;
    }
}

/// The UUID of the event with this number.
pub(crate) fn uuid(event: u32) -> String {
    format!("5f2c2d8a-0000-4000-8000-{event:012}")
}

fn answer(state: &State, request: &Request) -> Reply {
    if request.authorization != format!("Bearer {TOKEN}") {
        return (403, json!({ "detail": "no" }));
    }
    if request.path != "/v1/lookup" || request.method != "POST" {
        return (404, json!({ "detail": "no such path" }));
    }
    let values = request.body.as_ref().and_then(|body| body["values"].as_array());
    let Some(values) = values.filter(|values| (1..=1000).contains(&values.len())) else {
        return (422, json!({ "detail": "values" }));
    };
    let results: Vec<Value> = values.iter().map(|value| result(state, value)).collect();
    (200, json!({ "results": results }))
}

fn result(state: &State, value: &Value) -> Value {
    let found = value.as_str().and_then(|value| state.listed.get(value));
    let mut matches = found.cloned().unwrap_or_default();
    let mut result = json!({ "found": false, "value": value, "type": "", "relation": "", "listed": "", "feed": "", "count": 0,
        "event_id": "", "event_uuid": "", "event_info": "", "event_url": "", "tlp": "", "threat_actor": "" });
    if let Some(first) = matches.first() {
        for (key, value) in first.as_object().unwrap() {
            result[key] = value.clone();
        }
        result["found"] = json!(true);
        result["listed"] = value.clone();
        result["count"] = json!(matches.len());
    }
    if state.no_context {
        let hidden = [
            "event_id",
            "event_uuid",
            "event_info",
            "event_url",
            "tlp",
            "threat_actor",
        ];
        for object in matches.iter_mut().chain([&mut result]) {
            object
                .as_object_mut()
                .unwrap()
                .retain(|key, _| !hidden.contains(&key.as_str()));
        }
    }
    result["matches"] = json!(matches);
    result
}
