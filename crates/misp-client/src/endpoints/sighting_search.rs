//! `POST /sightings/restSearch`: the sightings of one attribute, of one event, or of a range of time.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const ENDPOINT: &str = "/sightings/restSearch";

/// A sighting: a report that a value was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Sighting {
    /// MISP's number of the sighting.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its UUID.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub uuid: Option<Uuid>,
    /// Number of the attribute.
    #[serde(deserialize_with = "lenient::number")]
    pub attribute_id: u64,
    /// Number of the event.
    #[serde(deserialize_with = "lenient::number")]
    pub event_id: u64,
    /// Number of the organisation that reports it; 0 where MISP hides it.
    #[serde(deserialize_with = "lenient::number")]
    pub org_id: u64,
    /// The time of the sighting, in unix seconds.
    #[serde(deserialize_with = "lenient::unix")]
    pub date_sighting: i64,
    /// The sensor or device, in the words of the report; empty for most.
    #[serde(deserialize_with = "lenient::text")]
    pub source: String,
    /// 0 a hit, 1 a false positive, 2 an end of life.
    #[serde(rename = "type", deserialize_with = "lenient::number")]
    pub kind: u64,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for Sighting {
    const KEY: &'static str = "Sighting";

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Serialize)]
struct Body {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    id: u64,
}

impl Client {
    /// Returns the sightings of one attribute, by MISP's number.
    ///
    /// # Errors
    /// [`Unfiltered`](crate::ErrorKind::Unfiltered) for a sighting of another attribute; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn sightings_of_attribute(&self, id: u64) -> Result<Vec<Sighting>, Error> {
        let found = self.records(request("attribute", id)).await?;
        checked(found, |sighting| sighting.attribute_id == id)
    }

    /// Returns the sightings of all attributes of one event, by MISP's number.
    ///
    /// # Errors
    /// [`Unfiltered`](crate::ErrorKind::Unfiltered) for a sighting of another event; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn sightings_of_event(&self, id: u64) -> Result<Vec<Sighting>, Error> {
        let found = self.records(request("event", id)).await?;
        checked(found, |sighting| sighting.event_id == id)
    }
}

#[derive(Serialize)]
struct RangeBody {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    from: i64,
    to: i64,
}

impl Client {
    /// Returns the sightings of these unix seconds, both included, of all attributes that the key may see.
    ///
    /// The time is that of the sighting, which a reporter may set: one that is reported late has an old time.
    ///
    /// # Errors
    /// [`Unfiltered`](crate::ErrorKind::Unfiltered) for a sighting of another time; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn sightings_between(&self, from: i64, to: i64) -> Result<Vec<Sighting>, Error> {
        let found = self.records(range_request(from, to)).await?;
        checked(found, |sighting| (from..=to).contains(&sighting.date_sighting))
    }
}

fn range_request(from: i64, to: i64) -> Request {
    let body = RangeBody {
        return_format: "json",
        from,
        to,
    };
    // Numbers and a fixed text can always be written.
    Request::post(ENDPOINT, serde_json::to_vec(&body).unwrap_or_default())
}

fn request(context: &str, id: u64) -> Request {
    let body = Body {
        return_format: "json",
        id,
    };
    // A number and a fixed text can always be written.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    Request::post(ENDPOINT, body).with_path(format!("{ENDPOINT}/{context}"))
}

fn checked(found: Vec<Sighting>, is_answer: impl Fn(&Sighting) -> bool) -> Result<Vec<Sighting>, Error> {
    match found.iter().all(is_answer) {
        true => Ok(found),
        false => Err(Error::unfiltered("a sighting that was not asked for").at(ENDPOINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn context_stands_in_the_path_and_the_number_in_the_body() {
        let request = request("event", 7);
        assert_eq!(
            (request.path.as_str(), &*request.endpoint),
            ("/sightings/restSearch/event", ENDPOINT)
        );
        assert_eq!(request.body.unwrap(), r#"{"returnFormat":"json","id":7}"#);
    }

    #[test]
    fn range_has_no_context() {
        let request = range_request(5, 9);
        assert_eq!(request.path, ENDPOINT);
        assert_eq!(request.body.unwrap(), r#"{"returnFormat":"json","from":5,"to":9}"#);
    }

    #[test]
    fn sighting_of_something_else_is_refused() {
        let found = vec![Sighting {
            event_id: 8,
            ..Sighting::default()
        }];
        assert_eq!(
            checked(found, |one| one.event_id == 7).unwrap_err().kind(),
            ErrorKind::Unfiltered
        );
    }
}
