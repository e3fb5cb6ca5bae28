//! `GET /servers/getVersion`: the cheapest question that needs a good key.

use serde::Deserialize;
use serde_json::Value;

use super::{SMALL, read};
use crate::json::lenient::Text;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/servers/getVersion";

/// The version of a MISP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MispVersion {
    /// The version, such as `2.5.1`.
    pub version: String,
}

#[derive(Deserialize)]
struct RawVersion {
    #[serde(default)]
    version: Text,
}

fn request() -> Request {
    Request::get(ENDPOINT)
}

impl Client {
    /// Returns MISP's version: a test that MISP answers and the key is good.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn version(&self) -> Result<MispVersion, Error> {
        let body = self.ask_small(request(), SMALL).await?;
        let raw: RawVersion = read(&body, ENDPOINT)?;
        match raw.version.into_option() {
            Some(version) => Ok(MispVersion { version }),
            None => Err(Error::new(ErrorKind::UnexpectedAnswer)
                .with_detail("no version in it")
                .at(ENDPOINT)),
        }
    }

    /// Returns the whole page of the version as JSON; at most 1 MiB.
    ///
    /// # Errors
    /// As [`version`](Self::version).
    pub async fn version_json(&self) -> Result<Value, Error> {
        self.ask_object(request(), SMALL).await
    }

    pub(crate) async fn ask_small(&self, request: Request, max_bytes: u64) -> Result<Vec<u8>, Error> {
        let max_bytes = max_bytes.min(self.limits().page_bytes);
        self.transport().ask(request, max_bytes, &[]).await?.body().await
    }

    pub(crate) async fn ask_object(&self, request: Request, max_bytes: u64) -> Result<Value, Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request, max_bytes).await?;
        // PHP writes an object without members as a list.
        if body.trim_ascii() == b"[]" {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let value: Value = read(&body, endpoint.clone())?;
        if value.is_object() {
            return Ok(value);
        }
        Err(Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("not an object")
            .at(endpoint))
    }
}
