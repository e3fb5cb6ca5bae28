//! The look-up at cratosd: the events of MISP that CVEs are in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

use config_file::SecretFile;
use cratos_client::{Client, Context, MAX_LOOK_UP_VALUES, Match, Retry, Token, Verdict};
use feed_classification::Age;
use url::Url;
use uuid::Uuid;

use crate::access::Timing;
use crate::cve::Cve;
use crate::error::LookUpError;

/// A cratosd with its token.
#[derive(Clone, Debug)]
pub struct LookUp {
    client: Client,
    settings: cratos_client::LookUp,
}

/// An event of MISP. The texts are as an analyst wrote them and may hold mark-up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its UUID, the same in every MISP.
    pub uuid: Uuid,
    /// Its number in this MISP.
    pub id: String,
    /// Its title.
    pub info: String,
    /// Its page in MISP.
    pub url: String,
    /// Its traffic light, without `tlp:`; empty if it has none.
    pub tlp: String,
    /// Threat actors, separated by commas.
    pub threat_actor: String,
}

/// The results of a look-up of many CVEs.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LookUps {
    /// The listed CVEs, each with its events. A CVE of a warninglist has none.
    pub listed: HashMap<Cve, Vec<Event>>,
    /// The CVEs without an answer: one entry with the error for each request that failed.
    pub failures: Vec<(Vec<Cve>, LookUpError)>,
    /// The number of CVEs with an answer.
    pub answered: usize,
}

impl LookUp {
    /// Returns a client for the cratosd at `base`. Without `age` cratosd looks as far back as it does by default.
    ///
    /// # Errors
    /// If the certificates or the URL cannot be used.
    pub fn new(
        base: &Url,
        token: SecretFile,
        ca_file: Option<&Path>,
        timing: Timing,
        max_body: usize,
        age: Option<Age>,
    ) -> Result<Self, LookUpError> {
        let mut client = Client::builder(base.clone())
            .token(read_anew(token))
            .timeout(timing.timeout)
            .max_body(max_body)
            .retry(
                Retry::default()
                    .pause(timing.retry_pause)
                    .longest_wait(timing.longest_wait),
            )
            .user_agent(concat!("cratos-agent/", env!("CARGO_PKG_VERSION")))
            // The configuration refuses http:// unless `insecure_http` allows it.
            .allow_plain_http(true);
        if let Some(path) = ca_file {
            client = client.trust_also(std::fs::read(path).map_err(LookUpError::Certificates)?);
        }
        let settings = cratos_client::LookUp::new();
        Ok(Self {
            client: client.build()?,
            settings: age.map_or(settings, |age| settings.age(age)),
        })
    }

    /// Looks all CVEs up, as many in one request as cratosd accepts.
    pub async fn all(&self, cves: &BTreeSet<Cve>) -> LookUps {
        let mut known = LookUps::default();
        let cves: Vec<Cve> = cves.iter().cloned().collect();
        for batch in cves.chunks(MAX_LOOK_UP_VALUES) {
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

    async fn batch(&self, cves: &[Cve]) -> Result<Vec<(Cve, Vec<Event>)>, LookUpError> {
        let values: Vec<&str> = cves.iter().map(Cve::as_str).collect();
        let verdicts = self.client.look_up_many(&values, &self.settings).await?;
        read(cves, verdicts)
    }
}

impl LookUps {
    /// Returns whether every CVE has an answer. Only then the absence of a CVE means that it is not listed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns the events of these CVEs, each once with its CVEs, in the order of their UUIDs; `None` if no CVE is
    /// listed.
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

/// Returns the CVEs that are listed, each with its events.
fn read(cves: &[Cve], verdicts: Vec<Verdict>) -> Result<Vec<(Cve, Vec<Event>)>, LookUpError> {
    let mut listed = Vec::new();
    for (cve, verdict) in cves.iter().zip(verdicts) {
        // A miss shows it too: an error now is better than one when the first CVE is listed.
        if verdict.context.is_none() {
            return Err(LookUpError::NoContext);
        }
        if verdict.found {
            listed.push((cve.clone(), events(cve, verdict.matches)?));
        }
    }
    Ok(listed)
}

fn events(cve: &Cve, matches: Vec<Match>) -> Result<Vec<Event>, LookUpError> {
    let mut events = Vec::new();
    for found in matches {
        if found.kind != "vulnerability" || !found.value.eq_ignore_ascii_case(cve.as_str()) {
            return Err(LookUpError::Mismatch);
        }
        // A match of a warninglist has no event and no UUID. The CVE still counts as listed.
        events.extend(Event::of(found.context.ok_or(LookUpError::NoContext)?));
    }
    Ok(events)
}

impl Event {
    fn of(context: Context) -> Option<Self> {
        Some(Self {
            uuid: Uuid::parse_str(&context.event_uuid).ok()?,
            id: context.event_id,
            info: context.event_info,
            url: context.event_url,
            tlp: context.tlp,
            threat_actor: context.threat_actor,
        })
    }
}

/// Returns the token of a file, which is read for each request.
fn read_anew(file: SecretFile) -> Token {
    Token::from_fn(move || {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.path().display()));
        file.read().map_err(named)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let verdicts = serde_json::from_value(results).map_err(|error| error.to_string())?;
        read(asked, verdicts).map_err(|error| error.to_string())
    }

    const EVENT: &str = "5f2c2d8a-0000-4000-8000-000000000001";

    /// `cratos-client` tests the other ways in which an answer can be wrong.
    #[test]
    fn a_match_about_another_cve_is_refused() {
        let asked = cves(&["CVE-2026-0001", "CVE-2026-0002"]);
        let good = outcome(&asked, json!([hit("CVE-2026-0001", EVENT), miss("CVE-2026-0002")])).unwrap();
        assert_eq!(good.len(), 1);
        let mut other = hit("CVE-2026-0002", EVENT);
        other["matches"][0]["value"] = json!("CVE-2026-0003");
        let mut kind = hit("CVE-2026-0002", EVENT);
        kind["matches"][0]["type"] = json!("domain");
        for wrong in [other, kind] {
            assert!(
                outcome(&asked, json!([miss("CVE-2026-0001"), wrong.clone()])).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_token_without_context_is_an_error() {
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
