//! Any other path of MISP: the way out where this client has no method for it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::parse;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

/// The longest path, in bytes; web servers take no more.
const MAX_PATH: usize = 8 << 10;

impl Client {
    /// Sends `GET` to a path of MISP and reads its JSON as `T`, for pages that this client has no method for.
    ///
    /// Time-out, bound in bytes, retries and error kinds are those of every other question, and errors name only the
    /// first parts of the path. MISP writes an empty object as `[]` and most numbers as text, so `T` has to accept
    /// both; `serde_json::Value` does.
    ///
    /// ```no_run
    /// # async fn run(misp: misp_client::Client) -> Result<(), misp_client::Error> {
    /// let roles: serde_json::Value = misp.get("/roles/index").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for a path that does not begin with one `/`, is longer than 8 KiB, or has a space,
    /// a `#`, a `\`, a `..` part or a character that is not visible ASCII: percent-encode those.
    /// [`ErrorKind::UnexpectedAnswer`] for JSON of another shape. Any other [`ErrorKind`] of a question.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask_custom(request(path, None)?).await
    }

    /// Sends `POST` with a JSON body to a path of MISP and reads its JSON as `T`; see [`get`](Self::get).
    ///
    /// MISP may act on it, so the client does not send it again after a lost connection.
    ///
    /// ```no_run
    /// # async fn run(misp: misp_client::Client) -> Result<(), misp_client::Error> {
    /// let toggled: serde_json::Value = misp
    ///     .post("/warninglists/toggleEnable", &serde_json::json!({"id": [3], "enabled": true}))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`ErrorKind::InvalidSearch`] for a body that cannot be written as JSON.
    pub fn post<B, T>(&self, path: &str, body: &B) -> impl Future<Output = Result<T, Error>> + Send + use<'_, B, T>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        // Written before the first await, so that `B` need not be `Sync`. The cause is not kept: it may quote a value.
        let request = serde_json::to_vec(body)
            .map_err(|_| Error::new(ErrorKind::InvalidSearch).with_detail("the body cannot be written as JSON"))
            .and_then(|body| request(path, Some(body)));
        async move { self.ask_custom(request?).await }
    }

    async fn ask_custom<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request, u64::MAX).await?;
        parse(&body, endpoint)
    }
}

fn request(path: &str, body: Option<Vec<u8>>) -> Result<Request, Error> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
    let route = path.split('?').next().unwrap_or_default();
    let is_path = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= MAX_PATH
        && path.bytes().all(is_plain)
        && !route.split('/').any(is_dot_segment);
    if !is_path {
        return Err(Error::new(ErrorKind::InvalidSearch).with_detail(
            "a path begins with one `/` and is visible ASCII without `#`, `\\` and `..`: percent-encode the rest",
        ));
    }
    let endpoint = shown(route);
    Ok(match body {
        Some(body) => Request::post(endpoint, body).asked_once(),
        None => Request::get(endpoint),
    }
    .with_path(path.to_owned()))
}

/// Returns whether a URL parser leaves out this part of a path, or the one before it: `%2e` is a dot to it, too.
fn is_dot_segment(part: &str) -> bool {
    let part = part.to_ascii_lowercase().replace("%2e", ".");
    part == "." || part == ".."
}

/// Returns controller and action, which may stand in an error; the arguments behind them may be what an analyst looks
/// for.
fn shown(route: &str) -> String {
    let is_name = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let parts = route.split('/').filter(|part| !part.is_empty());
    let most = if route.starts_with("/admin/") { 3 } else { 2 };
    let shown: Vec<&str> = parts.take_while(is_name).take(most).collect();
    format!("/{}", shown.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_could_go_elsewhere_is_refused_as_the_fault_of_the_caller() {
        for path in [
            "",
            "roles",
            "//evil.example.com/x",
            "/a b",
            "/a#b",
            "/../x",
            "/a/./b",
            "/%2e%2e/x",
            "/a/.%2E/b",
            "/a\\b",
            "/ü",
            "/a\r\nHost: x",
        ] {
            let error = request(path, None).unwrap_err();
            assert_eq!(
                (error.kind(), error.fault()),
                (ErrorKind::InvalidSearch, crate::Fault::Caller),
                "{path:?}"
            );
        }
        let asked = request("/logs/index?limit=5", None).unwrap();
        assert_eq!(
            (asked.path.as_str(), &*asked.endpoint),
            ("/logs/index?limit=5", "/logs/index")
        );
        assert!(request("/a/..%2f", None).is_ok());
    }

    #[test]
    fn errors_show_controller_and_action_but_no_argument() {
        for (path, endpoint) in [
            (
                "/attributes/restSearch/value:secret.example.com",
                "/attributes/restSearch",
            ),
            ("/admin/users/view/7", "/admin/users/view"),
            ("/tags/search?name=secret", "/tags/search"),
            ("/secret.example.com", "/"),
            ("/", "/"),
        ] {
            assert_eq!(&*request(path, None).unwrap().endpoint, endpoint);
        }
    }

    #[test]
    fn a_post_is_sent_once() {
        assert!(!request("/events/add", Some(b"{}".to_vec())).unwrap().repeatable);
        assert!(request("/events/index", None).unwrap().repeatable);
    }
}
