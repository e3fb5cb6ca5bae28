//! New tokens: cratosd seals a MISP key into one.

use std::fmt;

use feed_classification::{FeedName, IndicatorType, Tlp};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::request::{Auth, Repeat, Request};

/// An order for a token: the MISP that it opens, and the limits that it has.
///
/// ```
/// use cratos_client::{FeedName, Scope, SecretString, TokenOrder};
///
/// let key = SecretString::from("0123456789012345678901234567890123456789");
/// let order = TokenOrder::new("misp.example.net", key, "2027-12-31")
///     .scope(Scope::new().feeds([FeedName::Block]).permissions(["stream"]).label("firewall-3"));
/// assert!(!format!("{order:?}").contains("0123456789"));
/// ```
#[derive(Clone, Debug)]
pub struct TokenOrder {
    site: String,
    protocol: &'static str,
    port: u16,
    key: SecretString,
    expires: String,
    scope: Scope,
}

/// The limits of a token. A field that is not set does not limit; without any field the token is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    feeds: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tlp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

/// A new token. `Debug` does not print it.
#[derive(Clone)]
#[non_exhaustive]
pub struct MintedToken {
    /// The token.
    pub token: SecretString,
    /// The address of its MISP.
    pub misp: String,
    /// The day on which it stops working, at 00:00 UTC, for example `2027-12-31`.
    pub expires: String,
    /// Its SHA-256 digest, which `blacklisted_api_tokens` in cratosd's configuration takes to revoke it.
    pub sha256: String,
}

impl TokenOrder {
    /// Returns an order for a token that opens the MISP `site` (HTTPS, port 443) with this key until `expires`, for
    /// example `2027-12-31`.
    #[must_use]
    pub fn new(site: impl Into<String>, key: impl Into<SecretString>, expires: impl Into<String>) -> Self {
        Self {
            site: site.into(),
            protocol: "https",
            port: 443,
            key: key.into(),
            expires: expires.into(),
            scope: Scope::default(),
        }
    }

    /// Sets the port of MISP.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Makes cratosd ask this MISP over `http://`, without TLS.
    #[must_use]
    pub const fn plain_http(mut self) -> Self {
        self.protocol = "http";
        self
    }

    /// Sets the limits of the token.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

impl Scope {
    /// Returns a scope without limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the token to these feeds.
    #[must_use]
    pub fn feeds(mut self, feeds: impl IntoIterator<Item = FeedName>) -> Self {
        self.feeds = Some(feeds.into_iter().map(|feed| feed.to_string()).collect());
        self
    }

    /// Limits the token to these types of indicators.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = IndicatorType>) -> Self {
        self.types = Some(types.into_iter().map(|kind| kind.to_string()).collect());
        self
    }

    /// Limits the token to these outputs, for example `txt`.
    #[must_use]
    pub fn outputs<S: Into<String>>(mut self, outputs: impl IntoIterator<Item = S>) -> Self {
        self.outputs = Some(outputs.into_iter().map(Into::into).collect());
        self
    }

    /// Limits the token to values up to this level of the traffic light protocol.
    #[must_use]
    pub const fn max_tlp(mut self, level: Tlp) -> Self {
        self.max_tlp = Some(level.as_str());
        self
    }

    /// Limits the token to clients in these networks, for example `192.0.2.0/24`.
    #[must_use]
    pub fn networks<S: Into<String>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        self.networks = Some(networks.into_iter().map(Into::into).collect());
        self
    }

    /// Makes a token that reads no feed and serves these purposes only, for example `lookup` or `sightings`.
    #[must_use]
    pub fn only<S: Into<String>>(mut self, purposes: impl IntoIterator<Item = S>) -> Self {
        self.only = Some(purposes.into_iter().map(Into::into).collect());
        self
    }

    /// Adds permissions, for example `stream`, `lookup` or `context`.
    #[must_use]
    pub fn permissions<S: Into<String>>(mut self, permissions: impl IntoIterator<Item = S>) -> Self {
        self.permissions = Some(permissions.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the name that cratosd's logs and sightings have for the token; at most 64 bytes.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

impl Client {
    /// Has cratosd make a token. The client needs no token for this; cratosd asks MISP whether the key is good.
    ///
    /// The request is sent once: after a failed connection cratosd may have made a token that was lost.
    ///
    /// # Errors
    /// If cratosd does not answer, or rejects the order, for example because MISP refuses the key. The key is in no
    /// error.
    pub async fn mint(&self, order: &TokenOrder) -> Result<MintedToken, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "MISP")]
            misp: String,
            validity: String,
            token: String,
            sha256: String,
        }
        let url = self.url_of(&["v1", "generate_token_json"], "", &[]);
        let mut request = Request::new(Method::POST, url, Repeat::Unsafe).json(&json!({
            "domain": order.site,
            "proto": order.protocol,
            "port": order.port,
            "auth": order.key.expose_secret(),
            "expire": order.expires,
            "scope": order.scope,
        }));
        request.auth = Auth::None;
        request.secrets.push(("(the key)", order.key.clone()));
        let Answer {
            misp,
            validity,
            token,
            sha256,
        } = self.json(request, StatusCode::OK).await?;
        Ok(MintedToken {
            token: token.into(),
            misp,
            expires: validity,
            sha256,
        })
    }
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedToken")
            .field("misp", &self.misp)
            .field("expires", &self.expires)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_not_set_are_not_written() {
        assert_eq!(serde_json::to_value(Scope::new()).unwrap(), json!({}));
        let scope = Scope::new()
            .feeds([FeedName::Block])
            .types([IndicatorType::Ip])
            .outputs(["txt"])
            .max_tlp(Tlp::Amber)
            .networks(["192.0.2.0/24"])
            .only(["lookup"])
            .permissions(["context"])
            .label("fw1");
        let expected = json!({ "feeds": ["block"], "types": ["ip"], "outputs": ["txt"], "max_tlp": "amber",
            "networks": ["192.0.2.0/24"], "only": ["lookup"], "permissions": ["context"], "label": "fw1" });
        assert_eq!(serde_json::to_value(&scope).unwrap(), expected);
    }
}
