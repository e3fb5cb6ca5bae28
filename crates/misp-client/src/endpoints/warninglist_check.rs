//! `POST /warninglists/checkValue`: which of these values are on a warninglist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parse;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/warninglists/checkValue";
/// A hit takes some 120 bytes, and a value may be on some ten lists.
const MAX_BYTES: u64 = 64 << 20;
const MAX_VALUES: usize = 10_000;

/// A warninglist that has a value.
///
/// [`Client::check_warninglists`] leaves `value` and `category` empty, since MISP does not send them there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WarninglistHit {
    /// MISP's number of the list.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Name of the list.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The entry that fits, such as the network `10.0.0.0/8` for `10.0.0.1`.
    #[serde(deserialize_with = "lenient::text")]
    pub matched: String,
    /// The value, or the half of a composite, that fits.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// The category of the list: `false_positive` or `known`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub category: String,
}

/// MISP writes an object without members as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Hits {
    Some(BTreeMap<String, Vec<WarninglistHit>>),
    None([(); 0]),
}

impl Client {
    /// Returns the warninglists that each of these values is on; values on no list are not in the answer.
    ///
    /// MISP checks only lists that are enabled, and ignores their attribute types.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for no value or more than 10 000; [`ErrorKind::Unfiltered`] for a value that was
    /// not asked for; any [`ErrorKind`] of a question.
    pub async fn check_warninglists<S: Into<String>>(
        &self,
        values: impl IntoIterator<Item = S>,
    ) -> Result<BTreeMap<String, Vec<WarninglistHit>>, Error> {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let body = self.ask_small(request(&values)?, MAX_BYTES).await?;
        let hits = match parse(&body, ENDPOINT)? {
            Hits::Some(hits) => hits,
            Hits::None([]) => BTreeMap::new(),
        };
        match hits.keys().all(|value| values.contains(value)) {
            true => Ok(hits),
            false => Err(Error::unfiltered("a value that was not asked for").at(ENDPOINT)),
        }
    }
}

fn request(values: &[String]) -> Result<Request, Error> {
    let refused = |detail| Error::new(ErrorKind::InvalidSearch).with_detail(detail).at(ENDPOINT);
    if values.is_empty() || values.len() > MAX_VALUES {
        return Err(refused("1 to 10000 values can be checked at a time"));
    }
    let body = serde_json::to_vec(values).map_err(|_| refused("the values cannot be written as JSON"))?;
    Ok(Request::post(ENDPOINT, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_at_all_is_not_asked() {
        assert_eq!(request(&[]).unwrap_err().kind(), ErrorKind::InvalidSearch);
        assert!(request(&vec![String::new(); MAX_VALUES + 1]).is_err());
        assert_eq!(request(&["a".to_owned()]).unwrap().body.unwrap(), r#"["a"]"#);
    }
}
