//! Sightings: reports that a listed value was seen, or was seen to be harmless.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::request::{Repeat, Request};

/// The number of sightings that cratosd accepts in one request.
pub const MAX_SIGHTINGS: usize = 1000;

/// A report about one value.
///
/// ```
/// use std::time::SystemTime;
/// use cratos_client::{Sighting, SightingKind};
///
/// let hit = Sighting::new("198.51.100.7").source("firewall-3").seen_at(SystemTime::now());
/// let harmless = Sighting::new("cdn.example.net").kind(SightingKind::FalsePositive);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sighting {
    value: String,
    #[serde(rename = "type")]
    kind: SightingKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at: Option<String>,
}

/// The kind of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SightingKind {
    /// The value was seen.
    Hit,
    /// The value was seen and is harmless.
    FalsePositive,
}

/// The answer to a report: cratosd has written down what it accepted, and sends it to MISP later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The number of new sightings.
    pub accepted: u64,
    /// The number of sightings that cratosd already had.
    pub duplicates: u64,
    /// The sightings that were not accepted.
    pub errors: Vec<RejectedSighting>,
}

/// A sighting that cratosd did not accept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RejectedSighting {
    /// Its place in the report, from 0.
    pub index: usize,
    /// The reason, for example that the value is not an address.
    pub reason: String,
}

impl Sighting {
    /// Returns a hit on this value, seen now. Its source is the label of the token.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            kind: SightingKind::Hit,
            source: None,
            seen_at: None,
        }
    }

    /// Sets the kind.
    #[must_use]
    pub const fn kind(mut self, kind: SightingKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets where the value was seen, for example the name of a sensor; at most 255 bytes.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets when the value was seen, to the second. A time that has no date in the calendar is left out.
    #[must_use]
    pub fn seen_at(mut self, time: SystemTime) -> Self {
        let time = jiff::Timestamp::try_from(time).and_then(|time| jiff::Timestamp::from_second(time.as_second()));
        self.seen_at = time.ok().map(|time| time.to_string());
        self
    }
}

impl Client {
    /// Reports sightings; at most [`MAX_SIGHTINGS`]. They are on cratosd's disk when this returns.
    ///
    /// The request is sent once: after a failed connection cratosd may have it. You can send it again if each sighting
    /// has a [time](Sighting::seen_at): cratosd counts the same sighting once.
    ///
    /// # Errors
    /// If cratosd does not answer, if it accepts none, or if there are too many.
    pub async fn report(&self, sightings: &[Sighting]) -> Result<Receipt, Error> {
        if sightings.len() > MAX_SIGHTINGS {
            return Err(Error::TooMany { limit: MAX_SIGHTINGS });
        }
        let url = self.url_of(&["v1", "sightings"], "", &[]);
        let request = Request::new(Method::POST, url, Repeat::Unsafe).json(&json!({ "sightings": sightings }));
        self.json(request, StatusCode::ACCEPTED).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sighting_is_written_as_the_route_reads_it() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_308_235_900);
        let sighting = Sighting::new("192.0.2.7")
            .kind(SightingKind::FalsePositive)
            .source("fw1")
            .seen_at(time);
        let expected = json!({ "value": "192.0.2.7", "type": "false_positive", "source": "fw1", "seen_at": "2026-11-22T00:43:55Z" });
        assert_eq!(serde_json::to_value(&sighting).unwrap(), expected);
        let shortest = json!({ "value": "192.0.2.7", "type": "hit" });
        assert_eq!(serde_json::to_value(Sighting::new("192.0.2.7")).unwrap(), shortest);
    }
}
