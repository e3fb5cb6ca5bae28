//! The facts of a request that only the service knows.

use std::net::IpAddr;

use http::Extensions;

/// The facts about a request that only the service knows, for its line in the access log.
///
/// The service leaves its facts in the extensions of its response, in a type of its own, and
/// [`AccessLog::details`](crate::AccessLog::details) names the function that reads them. The line borrows the facts
/// and copies them into its text only.
///
/// ```
/// use http_front::{AccessDetails, AccessLog, AccessLogSettings};
///
/// #[derive(Clone)]
/// struct Account(String);
///
/// fn details(extensions: &http::Extensions) -> AccessDetails<'_> {
///     let mut details = AccessDetails::default();
///     details.route = Some("/items/{id}");
///     details.account = extensions.get::<Account>().map(|account| account.0.as_str());
///     details
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let log = AccessLog::start(AccessLogSettings::off())?.details(details);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessDetails<'a> {
    /// The address of the client, where a proxy's header names another address than the connection has.
    pub client: Option<IpAddr>,
    /// The template of the route, for example `/items/{id}`; `None` for a path that does not exist.
    pub route: Option<&'a str>,
    /// The account or tenant of the request.
    pub account: Option<&'a str>,
    /// The words of the text format of a request without an account. Default: `-`.
    pub no_account: Option<&'a str>,
    /// The public identity of the credentials, never a part of a secret.
    pub token_id: Option<&'a str>,
    /// The name of the credentials.
    pub token_label: Option<&'a str>,
    /// The reason of a refusal, in the operator's words.
    pub reason: Option<&'a str>,
}

/// Reads the facts of a response.
pub(super) type ReadDetails = fn(&Extensions) -> AccessDetails<'_>;
