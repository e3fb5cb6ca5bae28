//! `GET /attributes/attributeStatistics`: the number of attributes.

use serde_json::Value;

use crate::request::Request;
use crate::{Client, Error};

const ENDPOINT: &str = "/attributes/attributeStatistics";
const MAX_BYTES: u64 = 4 << 20;

/// The field that attributes are counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountedBy {
    /// Their type, such as `ip-dst`.
    #[default]
    Type,
    /// Their category, such as `Network activity`.
    Category,
}

fn request(by: CountedBy) -> Request {
    match by {
        CountedBy::Type => Request::get(ENDPOINT).with_path(format!("{ENDPOINT}/type")),
        CountedBy::Category => Request::get(ENDPOINT).with_path(format!("{ENDPOINT}/category")),
    }
}

impl Client {
    /// Returns the number of attributes of each type as MISP sends it: `{"domain": "6388", …}`.
    ///
    /// Counts all attributes of the site, also deleted ones and those that the key may not see.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn attribute_statistics(&self) -> Result<Value, Error> {
        self.ask_object(Request::get(ENDPOINT), MAX_BYTES).await
    }

    /// Returns the number of attributes, counted by type or category.
    ///
    /// # Errors
    /// As [`attribute_statistics`](Self::attribute_statistics).
    pub async fn attribute_statistics_by(&self, by: CountedBy) -> Result<Value, Error> {
        self.ask_object(request(by), MAX_BYTES).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_by_stands_in_the_path() {
        assert_eq!(request(CountedBy::Type).path, "/attributes/attributeStatistics/type");
        assert_eq!(
            request(CountedBy::Category).path,
            "/attributes/attributeStatistics/category"
        );
    }
}
