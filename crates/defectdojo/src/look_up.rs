//! cratosd's look-up: which CVEs are in which events of MISP.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use feed_classification::Age;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::access::{Access, Again, Question, Timing};
use crate::cve::Cve;
use crate::error::AskError;
use config_file::SecretFile;

/// How many values cratosd takes at once.
const BATCH: usize = 1000;

/// A cratosd with its token.
#[derive(Clone, Debug)]
pub struct LookUp {
    access: Access,
    age: Option<Age>,
}

/// An event of MISP. All texts are as somebody wrote them: nothing is defused yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What it is known by everywhere.
    pub uuid: Uuid,
    /// Its number in this MISP.
    pub id: String,
    /// What it is about.
    pub info: String,
    /// Its page in MISP.
    pub url: String,
    /// Its traffic light, without `tlp:`; empty if it has none.
    pub tlp: String,
    /// Threat actors, separated by commas.
    pub threat_actor: String,
}

/// What is known about CVEs after all of them were asked for.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LookUps {
    /// What the listed ones are in; a CVE that is listed in no event that has a name has none here.
    pub listed: HashMap<Cve, Vec<Event>>,
    /// Which CVEs there is no answer about, and why: one entry for each question that failed.
    pub failures: Vec<(Vec<Cve>, AskError)>,
    /// How many CVEs there is an answer about.
    pub answered: usize,
}

impl LookUp {
    /// Makes it ready to be asked. Without `age` cratosd's own counts.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn new(
        base: &Url,
        token: SecretFile,
        ca_file: Option<&Path>,
        timing: Timing,
        max_body: usize,
        age: Option<Age>,
    ) -> Result<Self, AskError> {
        let access = Access::new(base, token, "Bearer", ca_file, timing, max_body)?;
        Ok(Self { access, age })
    }

    /// Looks all of them up, as many at once as cratosd takes.
    pub async fn all(&self, cves: &BTreeSet<Cve>) -> LookUps {
        let mut known = LookUps::default();
        let cves: Vec<Cve> = cves.iter().cloned().collect();
        for batch in cves.chunks(BATCH) {
            match self.batch(batch).await {
                Ok(listed) => {
                    known.answered += batch.len();
                    known.listed.extend(listed);
                }
                Err(error) => known.failures.push((batch.to_vec(), error)),
            }
        }
        known
    }

    async fn batch(&self, cves: &[Cve]) -> Result<Vec<(Cve, Vec<Event>)>, AskError> {
        let values: Vec<&str> = cves.iter().map(Cve::as_str).collect();
        let mut body = json!({ "values": values });
        if let (Some(age), Some(body)) = (self.age, body.as_object_mut()) {
            body.insert("age".to_owned(), age.to_string().into());
        }
        let question = Question {
            method: Method::POST,
            path: &["v1", "lookup"],
            query: &[],
            body: Some(body),
            again: Again::Yes,
        };
        read(cves, self.access.ask(question, &[200]).await?.json()?)
    }
}

impl LookUps {
    /// Returns whether there is an answer about every CVE: only then the absence of one means anything.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns the events that some CVEs are in, each once with those CVEs, in the order of their UUIDs; `None` if none is listed.
    #[must_use]
    pub fn events(&self, cves: &[Cve]) -> Option<Vec<(Event, Vec<Cve>)>> {
        let listed: Vec<(&Cve, &Vec<Event>)> = cves
            .iter()
            .filter_map(|cve| Some((cve, self.listed.get(cve)?)))
            .collect();
        if listed.is_empty() {
            return None;
        }
        let mut events: BTreeMap<Uuid, (Event, Vec<Cve>)> = BTreeMap::new();
        for (cve, found) in listed {
            for event in found {
                let (_, cves) = events.entry(event.uuid).or_insert_with(|| (event.clone(), Vec::new()));
                if !cves.contains(cve) {
                    cves.push(cve.clone());
                }
            }
        }
        Some(events.into_values().collect())
    }
}

#[derive(Deserialize)]
struct RawAnswer {
    results: Vec<RawResult>,
}

#[derive(Deserialize)]
struct RawResult {
    found: bool,
    value: String,
    count: u64,
    /// There in every result, empty in a miss, if the token may know of events.
    event_uuid: Option<String>,
    matches: Vec<RawMatch>,
}

#[derive(Deserialize)]
struct RawMatch {
    value: String,
    #[serde(rename = "type")]
    kind: String,
    event_uuid: Option<String>,
    #[serde(default)]
    event_id: String,
    #[serde(default)]
    event_info: String,
    #[serde(default)]
    event_url: String,
    #[serde(default)]
    tlp: String,
    #[serde(default)]
    threat_actor: String,
}

/// Holds an answer against the question. Tags go by what is *not* in it, so nothing may be missing, or stand for something else.
fn read(asked: &[Cve], answer: RawAnswer) -> Result<Vec<(Cve, Vec<Event>)>, AskError> {
    let nonsense = |what| Err(AskError::Nonsense { what });
    if answer.results.len() != asked.len() {
        return nonsense("it has not as many results as values were asked for");
    }
    let mut listed = Vec::new();
    for (cve, result) in asked.iter().zip(answer.results) {
        if result.value != cve.as_str() {
            return nonsense("a result is about something else than was asked for");
        }
        if result.found == result.matches.is_empty() || result.found != (result.count > 0) {
            return nonsense("a result contradicts itself");
        }
        // A miss tells it too: better now than when the first CVE is listed.
        if result.event_uuid.is_none() {
            return Err(AskError::NoContext);
        }
        if result.found {
            listed.push((cve.clone(), events(cve, result.matches)?));
        }
    }
    Ok(listed)
}

fn events(cve: &Cve, matches: Vec<RawMatch>) -> Result<Vec<Event>, AskError> {
    let mut events = Vec::new();
    for found in matches {
        if found.kind != "vulnerability" || !found.value.eq_ignore_ascii_case(cve.as_str()) {
            let what = "a match is no match";
            return Err(AskError::Nonsense { what });
        }
        let uuid = found.event_uuid.ok_or(AskError::NoContext)?;
        // What is in no event (a warninglist) has no UUID; the finding is told apart from one that is not listed all the same.
        let Ok(uuid) = Uuid::parse_str(&uuid) else { continue };
        events.push(Event {
            uuid,
            id: found.event_id,
            info: found.event_info,
            url: found.event_url,
            tlp: found.tlp,
            threat_actor: found.threat_actor,
        });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn cves(names: &[&str]) -> Vec<Cve> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn hit(value: &str, uuid: &str) -> Value {
        json!({ "found": true, "value": value, "type": "vulnerability", "count": 1, "event_uuid": uuid,
            "matches": [{ "value": value, "type": "vulnerability", "relation": "exact", "feed": "any",
                "event_id": "7", "event_uuid": uuid, "event_info": "x" }] })
    }

    fn miss(value: &str) -> Value {
        json!({ "found": false, "value": value, "type": "", "count": 0, "event_uuid": "", "matches": [] })
    }

    fn outcome(asked: &[Cve], results: Value) -> Result<Vec<(Cve, Vec<Event>)>, String> {
        let answer = serde_json::from_value(json!({ "results": results })).map_err(|error| error.to_string())?;
        read(asked, answer).map_err(|error| error.to_string())
    }

    const EVENT: &str = "5f2c2d8a-0000-4000-8000-000000000001";

    #[test]
    fn an_answer_that_does_not_fit_the_question_is_refused() {
        let asked = cves(&["CVE-2026-0001", "CVE-2026-0002"]);
        let good = outcome(&asked, json!([hit("CVE-2026-0001", EVENT), miss("CVE-2026-0002")])).unwrap();
        assert_eq!(good.len(), 1);
        let mut contradiction = miss("CVE-2026-0002");
        contradiction["count"] = json!(3);
        let mut empty = hit("CVE-2026-0002", EVENT);
        empty["matches"] = json!([]);
        let mut other = hit("CVE-2026-0002", EVENT);
        other["matches"][0]["value"] = json!("CVE-2026-0003");
        for wrong in [
            json!([]),
            json!([miss("CVE-2026-0001")]),
            json!([miss("CVE-2026-0002"), miss("CVE-2026-0001")]),
            json!([miss("CVE-2026-0001"), null]),
            json!([miss("CVE-2026-0001"), contradiction]),
            json!([miss("CVE-2026-0001"), empty]),
            json!([miss("CVE-2026-0001"), other]),
        ] {
            assert!(outcome(&asked, wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_without_context_is_told() {
        let asked = cves(&["CVE-2026-0001"]);
        let mut inside = hit("CVE-2026-0001", EVENT);
        inside["matches"][0].as_object_mut().unwrap().remove("event_uuid");
        let mut missed = miss("CVE-2026-0001");
        missed.as_object_mut().unwrap().remove("event_uuid");
        for plain in [inside, missed] {
            let error = outcome(&asked, json!([plain])).unwrap_err();
            assert_eq!(error, "the token lacks the permission `context`");
        }
    }

    #[test]
    fn an_event_comes_once_with_all_its_cves() {
        let asked = cves(&["CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"]);
        let results = json!([
            hit("CVE-2026-0001", EVENT),
            hit("CVE-2026-0002", EVENT),
            hit("CVE-2026-0003", "")
        ]);
        let known = LookUps {
            listed: outcome(&asked, results).unwrap().into_iter().collect(),
            ..LookUps::default()
        };
        let events = known.events(&asked).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].1, asked[..2]);
        assert!(known.events(&asked[2..]).unwrap().is_empty(), "listed, and in no event");
        assert!(known.events(&cves(&["CVE-2026-0009"])).is_none());
    }
}
