//! The facts of a request that only the service knows.

use std::net::IpAddr;

/// The facts about a request that only the service knows, for its line in the access log.
///
/// The service puts them into the extensions of its response. A response extension needs no channel between the service
/// and the log, and a service that knows nothing of this crate can be wrapped by one that puts its own facts here.
///
/// ```
/// use http_front::AccessDetails;
///
/// let mut response = http::Response::new("hello");
/// let mut details = AccessDetails::default();
/// details.route = Some("/items/{id}");
/// details.account = Some("alice".to_owned());
/// response.extensions_mut().insert(details);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessDetails {
    /// The address of the client, where a proxy's header names another address than the connection has.
    pub client: Option<IpAddr>,
    /// The template of the route, for example `/items/{id}`; `None` for a path that does not exist.
    pub route: Option<&'static str>,
    /// The account or tenant of the request.
    pub account: Option<String>,
    /// The words of the text format of a request without an account. Default: `-`.
    pub no_account: Option<&'static str>,
    /// The public identity of the credentials, never a part of a secret.
    pub token_id: Option<String>,
    /// The name of the credentials.
    pub token_label: Option<String>,
    /// The reason of a refusal, in the operator's words.
    pub reason: Option<String>,
}
