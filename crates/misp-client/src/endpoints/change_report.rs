//! The answer of MISP to a request that changes something.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{parse, read};
use crate::json::lenient::{Flag, Text};
use crate::refusal::{reasons, with_reasons};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

/// The most that an answer to a change may take; a whole event comes back after an edit.
const MAX_BYTES: u64 = 256 << 20;

/// Such as `{"saved": true, "success": true, "message": "…"}`. Some refusals come with status 200 and `saved` false.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    saved: Flag,
    success: Flag,
    message: Text,
    errors: Value,
}

impl Client {
    /// Sends a change whose answer is only a report.
    pub(super) async fn change(&self, request: Request) -> Result<(), Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request.asked_once(), MAX_BYTES).await?;
        check(&read::<Report>(&body, endpoint.clone())?.rejection(), endpoint)
    }

    /// Sends a change whose answer is the thing as MISP stored it.
    pub(super) async fn change_to<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request.asked_once(), MAX_BYTES).await?;
        // The reader of `T` judges any other JSON, for example a list.
        let report: Report = serde_json::from_slice(&body).unwrap_or_default();
        check(&report.rejection(), endpoint.clone())?;
        parse(&body, endpoint)
    }
}

impl Report {
    /// Returns MISP's words where it says that nothing was stored.
    fn rejection(self) -> Option<String> {
        let reasons = reasons(&self.errors);
        let is_refused =
            self.saved.known() == Some(false) || self.success.known() == Some(false) || !reasons.is_empty();
        is_refused.then(|| with_reasons(self.message.into_option(), &reasons))
    }
}

fn check(rejection: &Option<String>, endpoint: impl Into<std::borrow::Cow<'static, str>>) -> Result<(), Error> {
    match rejection {
        None => Ok(()),
        Some(message) => Err(Error::new(ErrorKind::Rejected)
            .with_misp_message(Some(message))
            .at(endpoint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(json: &str) -> Option<String> {
        serde_json::from_str::<Report>(json).unwrap().rejection()
    }

    #[test]
    fn report_of_a_refusal_with_status_200_is_seen() {
        for done in [
            r#"{"saved": true, "success": true, "message": "ok"}"#,
            r#"{"message": "Attribute deleted."}"#,
            "{}",
        ] {
            assert_eq!(rejection(done), None, "{done}");
        }
        for refused in [
            r#"{"saved": false, "message": "no"}"#,
            r#"{"saved": "0", "message": "no"}"#,
            r#"{"success": false, "message": "no"}"#,
        ] {
            assert_eq!(rejection(refused).as_deref(), Some("no"), "{refused}");
        }
        assert_eq!(
            rejection(r#"{"saved": false, "message": "no", "errors": {"tag": ["Invalid"]}}"#).as_deref(),
            Some("no: tag: Invalid")
        );
    }
}
