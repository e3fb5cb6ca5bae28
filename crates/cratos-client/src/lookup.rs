//! Look-ups: the events of MISP that a value is in.

use feed_classification::{Age, FeedName, Tlp};
use http::header::{ACCEPT, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::error::Error;
use crate::request::{Repeat, Request};

/// The number of values that cratosd looks up in one request.
pub const MAX_LOOK_UP_VALUES: usize = 1000;

/// The settings of a look-up. Without settings cratosd looks through all feeds of the token, one year back.
///
/// ```
/// use cratos_client::{Age, FeedName, LookUp};
///
/// let recent = LookUp::new().age(Age::Weeks1).feed(FeedName::Block);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookUp {
    age: Option<Age>,
    feed: Option<FeedName>,
    max_tlp: Option<Tlp>,
    min_score: Option<u8>,
}

/// The answer about one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The value as it was asked for.
    pub value: String,
    /// Whether it is listed.
    pub found: bool,
    /// The value that cratosd looked for: the same, or the original of a defanged one, for example `evil.example` for
    /// `evil[.]example`.
    #[serde(default)]
    pub looked_up: String,
    /// The number of all matches. cratosd returns the first 50 of them.
    pub count: u64,
    /// The event of the closest match. `None` if the token lacks the permission `context`; empty if the value is not
    /// listed.
    #[serde(flatten)]
    pub context: Option<Context>,
    /// The matches, the closest first.
    pub matches: Vec<Match>,
}

/// A listed value that matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Match {
    /// The listed value, for example `198.51.100.0/24` for the question `198.51.100.7`.
    pub value: String,
    /// Its type, for example `cidr4`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it matches: `exact`, or for example that a network contains the address.
    #[serde(default)]
    pub relation: String,
    /// The feed that it is in.
    #[serde(default)]
    pub feed: String,
    /// Its event. `None` if the token lacks the permission `context`.
    #[serde(flatten)]
    pub context: Option<Context>,
}

/// An event of MISP. The texts are as an analyst wrote them; escape them before you print them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Context {
    /// The UUID of the event; empty for a value that is in no event, for example one of a warninglist.
    pub event_uuid: String,
    /// The number of the event in this MISP.
    #[serde(default)]
    pub event_id: String,
    /// The title of the event.
    #[serde(default)]
    pub event_info: String,
    /// The page of the event in MISP.
    #[serde(default)]
    pub event_url: String,
    /// The level of the traffic light protocol without `tlp:`, for example `amber`; empty if the event has none.
    #[serde(default)]
    pub tlp: String,
    /// The threat actors, separated by commas.
    #[serde(default)]
    pub threat_actor: String,
}

impl LookUp {
    /// Returns a look-up without settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how far back cratosd looks.
    #[must_use]
    pub const fn age(mut self, age: Age) -> Self {
        self.age = Some(age);
        self
    }

    /// Limits the look-up to one feed.
    #[must_use]
    pub const fn feed(mut self, feed: FeedName) -> Self {
        self.feed = Some(feed);
        self
    }

    /// Limits the look-up to values up to this level of the traffic light protocol.
    #[must_use]
    pub const fn max_tlp(mut self, level: Tlp) -> Self {
        self.max_tlp = Some(level);
        self
    }

    /// Limits the look-up to values with at least this score, from 0 to 100.
    #[must_use]
    pub const fn min_score(mut self, score: u8) -> Self {
        self.min_score = Some(score);
        self
    }

    /// Returns the settings by the names that queries and bodies have for them.
    fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let settings = [
            ("age", self.age.map(|age| age.to_string())),
            ("feed", self.feed.map(|feed| feed.to_string())),
            ("max_tlp", self.max_tlp.map(|level| level.as_str().to_owned())),
            ("min_score", self.min_score.map(|score| score.to_string())),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl Client {
    /// Looks one value up. A value that is not listed is not an error: then [`Verdict::found`] is false.
    ///
    /// # Errors
    /// If cratosd does not answer, or the answer does not fit the question.
    pub async fn look_up(&self, value: &str, settings: &LookUp) -> Result<Verdict, Error> {
        let mut url = self.url_of(&["v1", "lookup"], "", &[]);
        url.query_pairs_mut()
            .append_pair("value", value)
            .extend_pairs(settings.settings());
        let mut request = Request::new(Method::GET, url, Repeat::Safe);
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(ACCEPT, json);
        let verdict: Verdict = self.json(request, StatusCode::OK).await?;
        verdict.fits(value)?;
        Ok(verdict)
    }

    /// Looks many values up, 1000 in each request. The verdicts are in the order of the values.
    ///
    /// # Errors
    /// If one of the requests has no answer, or the answer does not fit the question. An answer fits if it has one
    /// result for each value, in the same order, and no result contradicts itself.
    pub async fn look_up_many<S: AsRef<str> + Sync>(
        &self,
        values: &[S],
        settings: &LookUp,
    ) -> Result<Vec<Verdict>, Error> {
        let mut all = Vec::with_capacity(values.len());
        for batch in values.chunks(MAX_LOOK_UP_VALUES) {
            let values: Vec<&str> = batch.iter().map(AsRef::as_ref).collect();
            let mut body = Map::from_iter([("values".to_owned(), json!(values))]);
            body.extend(settings.settings().map(|(name, value)| (name.to_owned(), value.into())));
            let url = self.url_of(&["v1", "lookup"], "", &[]);
            let request = Request::new(Method::POST, url, Repeat::Safe).json(&Value::Object(body));
            let verdicts: Verdicts = self.json(request, StatusCode::OK).await?;
            all.extend(verdicts.fitting(&values)?);
        }
        Ok(all)
    }
}

#[derive(Deserialize)]
struct Verdicts {
    results: Vec<Verdict>,
}

impl Verdicts {
    /// Returns the verdicts if there is one for each value, in the same order. The absence of a value from an answer
    /// must not look like the verdict that it is not listed.
    fn fitting(self, values: &[&str]) -> Result<Vec<Verdict>, Error> {
        if self.results.len() != values.len() {
            return Err(Error::Mismatch("it has not as many results as values were asked for"));
        }
        for (value, verdict) in values.iter().zip(&self.results) {
            verdict.fits(value)?;
        }
        Ok(self.results)
    }
}

impl Verdict {
    fn fits(&self, value: &str) -> Result<(), Error> {
        if self.value != value {
            return Err(Error::Mismatch("a result is about something else than was asked for"));
        }
        if self.found == self.matches.is_empty() || self.found != (self.count > 0) {
            return Err(Error::Mismatch("a result contradicts itself"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_without_context_is_told_from_one_with_an_empty_context() {
        let with: Verdict = serde_json::from_value(
            json!({ "found": false, "value": "a", "count": 0, "event_uuid": "", "event_id": "", "matches": [] }),
        )
        .unwrap();
        assert_eq!(with.context, Some(Context::default()));
        let without: Verdict =
            serde_json::from_value(json!({ "found": false, "value": "a", "count": 0, "matches": [] })).unwrap();
        assert_eq!(without.context, None);
    }

    #[test]
    fn an_answer_that_does_not_fit_the_question_is_refused() {
        let hit = |value: &str| {
            json!({ "found": true, "value": value, "type": "vulnerability", "count": 1, "event_uuid": "",
                "matches": [{ "value": value, "type": "vulnerability", "relation": "exact", "feed": "any" }] })
        };
        let miss = |value: &str| json!({ "found": false, "value": value, "type": "", "count": 0, "matches": [] });
        let outcome = |results: Value| {
            let verdicts: Verdicts = serde_json::from_value(json!({ "results": results })).map_err(|_| ())?;
            verdicts.fitting(&["CVE-2026-0001", "CVE-2026-0002"]).map_err(|_| ())
        };
        let good = outcome(json!([hit("CVE-2026-0001"), miss("CVE-2026-0002")])).unwrap();
        assert_eq!((good[0].found, good[1].found), (true, false));
        let mut contradiction = miss("CVE-2026-0002");
        contradiction["count"] = json!(3);
        let mut empty = hit("CVE-2026-0002");
        empty["matches"] = json!([]);
        for wrong in [
            json!([]),
            json!([miss("CVE-2026-0001")]),
            json!([miss("CVE-2026-0002"), miss("CVE-2026-0001")]),
            json!([miss("CVE-2026-0001"), null]),
            json!([miss("CVE-2026-0001"), contradiction]),
            json!([miss("CVE-2026-0001"), empty]),
        ] {
            assert!(outcome(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_verdict_that_contradicts_itself_is_refused() {
        let verdict = |found, count, matches: usize| Verdict {
            value: "a".to_owned(),
            found,
            count,
            matches: vec![Match::default(); matches],
            ..Verdict::default()
        };
        assert!(verdict(true, 2, 1).fits("a").is_ok() && verdict(false, 0, 0).fits("a").is_ok());
        for wrong in [
            verdict(true, 0, 1),
            verdict(true, 1, 0),
            verdict(false, 1, 0),
            verdict(false, 0, 1),
        ] {
            assert!(matches!(wrong.fits("a"), Err(Error::Mismatch(_))), "{wrong:?}");
        }
        assert!(verdict(false, 0, 0).fits("b").is_err());
    }
}
