//! From the token of a caller to its grant.

mod credentials;
mod right;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use feed_engine::{CallerId, Filter, Upstream};
use secrecy::{ExposeSecret as _, SecretString};
use site_config::{Loaded, Site, SiteName};
use subtle::{Choice, ConstantTimeEq as _};
use token_crypto::{Allowed, Claims, ExpiryDay, OpenError, OpenedToken, Scope, TokenId, token_sha256};
use zeroize::Zeroizing;

use self::credentials::Credentials;
pub(crate) use self::right::Right;
use crate::configuration::{Configuration, Snapshot};
use crate::notes::RequestNotes;
use crate::reject::Reject;
use crate::request::Request;
use crate::throttle::{FailureKey, Throttle};

/// The permission of an opened token: a site, a MISP key and a scope. All checks of the token and of the address have
/// passed.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) upstream: Upstream,
    pub(crate) scope: Scope,
    pub(crate) expires: ExpiryDay,
    /// The token in its one proper spelling. Sightings keep it, since they are judged again when they are sent.
    pub(crate) token: SecretString,
}

impl Grant {
    /// Returns the digest of the token, which is the same for every spelling of it.
    pub(crate) fn fingerprint(&self) -> String {
        token_sha256(self.token.expose_secret())
    }

    /// Returns the site's rules.
    pub(crate) fn site(&self) -> &Arc<Site> {
        self.upstream.site()
    }

    /// Returns the limits of the token, which a query can narrow.
    pub(crate) fn filter(&self) -> Filter {
        Filter::NONE.with_max_tlp(self.scope.max_tlp)
    }

    /// Checks that the token was made for this.
    ///
    /// # Errors
    /// 403 that names the right.
    pub(crate) fn check(&self, right: Right) -> Result<(), Reject> {
        if right.is_in(&self.scope) {
            return Ok(());
        }
        Err(forbidden(format!(
            "This token does not have the permission `{}`.",
            right.name()
        )))
    }

    /// Checks that the token may see data of the whole site, for example its statistics. A token that is limited to
    /// some feeds, types or TLP levels may not.
    ///
    /// # Errors
    /// 403 that names `what`.
    pub(crate) fn check_whole_site(&self, what: &str) -> Result<(), Reject> {
        if self.scope.feeds == Allowed::All && self.scope.types == Allowed::All && self.filter().is_none() {
            return Ok(());
        }
        Err(forbidden(format!("This token does not cover {what}.")))
    }
}

/// Opens the token of a request and checks it in the order of Cratos FastAPI: token, expiry, site, revocation, address.
/// The last check is the right that the route needs.
///
/// # Errors
/// 401 without a token, and 403 for a token or an address that is refused, with the texts of Cratos FastAPI if it has
/// one; 429 after many failures. 503 if the configuration files are at fault, since a firewall that gets 403 stops
/// enforcing its list.
pub(crate) fn authorise(throttle: &Throttle, request: &Request<'_>, right: Right) -> Result<Grant, Reject> {
    Caller::of(request)?.admit(throttle, &request.snapshot, right, request.notes)
}

/// Waits until the token of a request can be opened. Right after a start this takes a moment for tokens of Cratos
/// FastAPI.
///
/// # Errors
/// 503 after 20 s, never 403: the token may be good.
pub(crate) async fn until_keys_are_there(configuration: &Configuration, request: &Request<'_>) -> Result<(), Reject> {
    let snapshot = &*request.snapshot;
    if !snapshot.ring.is_deriving() {
        return Ok(());
    }
    // `authorise` reports credentials that cannot be read.
    let Ok(caller) = Caller::of(request) else {
        return Ok(());
    };
    if configuration.can_open(snapshot, &caller.credentials.token).await {
        return Ok(());
    }
    Err(keys_pending())
}

fn keys_pending() -> Reject {
    Reject::unavailable("The keys of tokens made by Cratos FastAPI are not derived yet; ask again.")
}

/// The state of a token that was good when it came.
pub(crate) enum Standing {
    /// It is good.
    Good(Box<Grant>, TokenId),
    /// It has expired, was revoked, or cannot be opened any more.
    Ended,
    /// The token is good, but its site is missing or switched off, or its key is not derived yet.
    SiteAway,
}

/// Returns the present state of a token that came from an allowed address earlier.
pub(crate) fn standing(snapshot: &Snapshot, token: &SecretString) -> Standing {
    let token = token.expose_secret();
    let opened = match snapshot.ring.open(token) {
        Ok(opened) => opened,
        Err(OpenError::LegacyKeyPending) => return Standing::SiteAway,
        Err(_) => return Standing::Ended,
    };
    if opened.claims.expires.has_ended(jiff::Timestamp::now().as_second()) {
        return Standing::Ended;
    }
    let Ok(site) = site_of(&opened.claims, &snapshot.loaded) else {
        return Standing::SiteAway;
    };
    if is_revoked(site, token, &opened) {
        return Standing::Ended;
    }
    let granted = Grant {
        upstream: upstream(&opened.claims, site, &snapshot.loaded),
        token: opened.token().clone(),
        expires: opened.claims.expires,
        scope: opened.claims.scope,
    };
    Standing::Good(Box::new(granted), opened.claims.id)
}

/// A token and an address, kept for as long as an answer goes on.
pub(crate) struct Caller {
    credentials: Credentials,
    client: IpAddr,
}

impl Caller {
    /// Returns the caller of a request.
    ///
    /// # Errors
    /// 401 without a token.
    pub(crate) fn of(request: &Request<'_>) -> Result<Self, Reject> {
        let credentials = credentials::token(request.headers, request.query, request.path_token);
        // Unreadable credentials are credentials: the log must not say that there were none.
        if !matches!(credentials, Err(Reject::NoToken)) {
            request.notes.came();
        }
        let credentials = credentials?;
        Ok(Self {
            credentials,
            client: request.client,
        })
    }

    /// Returns the grant of the caller, or counts a failure. A good token is answered however many failures were
    /// counted before.
    ///
    /// # Errors
    /// As [`authorise`].
    pub(crate) fn admit(
        &self,
        throttle: &Throttle,
        snapshot: &Snapshot,
        right: Right,
        notes: &RequestNotes,
    ) -> Result<Grant, Reject> {
        let granted = self.grant(snapshot, notes);
        if let Err(Reject::Forbidden(_)) = granted {
            let failing = notes
                .token_id()
                .map_or_else(|| FailureKey::tokens(self.client), FailureKey::Refused);
            let limit = snapshot.loaded.core.failed_tokens_per_minute;
            throttle
                .failed(failing, limit, Instant::now())
                .map_err(|retry_after| Reject::TooManyFailures { retry_after })?;
        }
        let granted = granted?;
        granted.check(right)?;
        Ok(granted)
    }

    /// Returns the grant of the caller at this moment, and notes the token for the logs.
    ///
    /// # Errors
    /// As [`authorise`], but for the right and the counting.
    pub(crate) fn grant(&self, snapshot: &Snapshot, notes: &RequestNotes) -> Result<Grant, Reject> {
        let token = &self.credentials.token;
        let opened = snapshot
            .ring
            .open(token)
            .map_err(|error| self.not_opened(error, snapshot, notes))?;
        let claims = &opened.claims;
        notes.token(claims.id, claims.label.clone(), claims.site.clone());
        if claims.expires.has_ended(jiff::Timestamp::now().as_second()) {
            return Err(forbidden("The security token has expired."));
        }
        let site = site_of(claims, &snapshot.loaded)?;
        if is_revoked(site, token, &opened) {
            return Err(forbidden("The provided API token is blacklisted and cannot be used."));
        }
        if !may_come_from(self.client, site, claims, &snapshot.loaded) {
            return Err(forbidden(outsider(self.client)));
        }
        Ok(Grant {
            upstream: upstream(claims, site, &snapshot.loaded),
            scope: opened.claims.scope.clone(),
            expires: opened.claims.expires,
            token: opened.token().clone(),
        })
    }

    /// Returns the reject for a token that does not open, in the words of Cratos FastAPI, and notes the reason for the
    /// log.
    fn not_opened(&self, error: OpenError, snapshot: &Snapshot, notes: &RequestNotes) -> Reject {
        if error == OpenError::LegacyKeyPending {
            return keys_pending();
        }
        let is_token = |password: &Zeroizing<String>| snapshot.ring.open(password).is_ok();
        if self.credentials.password.as_ref().is_some_and(is_token) {
            return forbidden(
                "The password is a token, and the user name is not `cratos`: send the user name `cratos` with it.",
            );
        }
        notes.refused(error.to_string());
        forbidden(refusal(error, &self.credentials.token))
    }
}

fn may_come_from(client: IpAddr, site: &Site, claims: &Claims, loaded: &Loaded) -> bool {
    let mut allowed = loaded.core.allways_allowed_ips.iter().chain(&site.allowed_ips);
    allowed.any(|network| network.contains(&client)) && claims.scope.permits_address(client)
}

/// Compares the text as it came and its one proper spelling: another spelling, for example `+` for `-`, must not revive
/// a revoked token.
fn is_revoked(site: &Site, token: &str, opened: &OpenedToken) -> bool {
    is_denied(site, &token_sha256(token)) | is_denied(site, opened.fingerprint())
}

/// Returns the MISP that these claims are about. Its token is the caller whose questions share the places there.
pub(crate) fn upstream(claims: &Claims, site: &Arc<Site>, loaded: &Loaded) -> Upstream {
    Upstream::new(
        Arc::clone(site),
        Arc::clone(&loaded.mappings),
        claims.protocol,
        claims.port,
        claims.auth_key.clone(),
    )
    .asked_by(CallerId::new(u64::from_be_bytes(claims.id.to_bytes())))
}

fn site_of<'l>(claims: &Claims, loaded: &'l Loaded) -> Result<&'l Arc<Site>, Reject> {
    let unknown = || forbidden("Token config file not found");
    let name: SiteName = claims.site.parse().map_err(|_| unknown())?;
    // The good site comes first: a superfluous second file with the same name may be bad.
    let Some(site) = loaded.sites.get(&name) else {
        let has_bad_file = loaded.disabled.iter().any(|site| site.name == name.as_str());
        return Err(if has_bad_file {
            Reject::unavailable("The configuration file of this MISP instance has errors; `cratosd check` names them.")
        } else {
            unknown()
        });
    };
    if !site.enabled {
        return Err(forbidden("The MISP instance of this token is disabled."));
    }
    Ok(site)
}

/// Compares every digest to its end, so that the time does not show how close a guess was.
fn is_denied(site: &Site, digest: &str) -> bool {
    let hits = site
        .denied_token_digests
        .iter()
        .map(|denied| denied.as_bytes().ct_eq(digest.as_bytes()));
    hits.fold(Choice::from(0), |found, hit| found | hit).into()
}

fn forbidden(detail: impl Into<String>) -> Reject {
    Reject::Forbidden(detail.into())
}

/// Returns the text of Cratos FastAPI for an address outside of the allowed networks.
fn outsider(client: IpAddr) -> String {
    format!("{client} are not allowed to access the MISP instance.")
}

/// Returns the text of Cratos FastAPI for a token that does not open.
fn refusal(error: OpenError, token: &str) -> &'static str {
    match error {
        OpenError::BadContents => "Failed decryption of config token",
        OpenError::ImpossibleDate => "Invalid date in security token (Format: YYYY-MM-DD).",
        OpenError::NotBase64 if !passes_as_base64(token) => "Invalid Base64 string in use for token.",
        _ => "Unknown error in CheckApiToken",
    }
}

/// Returns whether Python's lenient decoder takes the text: ASCII, and whole groups of four once foreign characters are
/// dropped.
fn passes_as_base64(token: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    let digits = token.bytes().filter(is_digit).count();
    let pads = token.bytes().filter(|byte| *byte == b'=').count();
    token.is_ascii()
        && match digits % 4 {
            0 => true,
            1 => false,
            used => used + pads >= 4,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_do_not_open_are_refused_in_the_words_of_the_reference() {
        let not_base64 = "Invalid Base64 string in use for token.";
        let unknown = "Unknown error in CheckApiToken";
        for (token, text) in [
            ("AAAAA", not_base64),
            ("AA=", not_base64),
            ("æ", not_base64),
            ("!!!!", unknown),
            ("AA==", unknown),
            ("AAA=!", unknown),
        ] {
            assert_eq!(refusal(OpenError::NotBase64, token), text, "{token}");
        }
        for error in [
            OpenError::SealBroken,
            OpenError::UnknownKey,
            OpenError::Malformed,
            OpenError::TooLong,
            OpenError::LegacyRefused,
        ] {
            assert_eq!(refusal(error, "AAAAA"), unknown);
        }
        assert_eq!(
            refusal(OpenError::BadContents, "x"),
            "Failed decryption of config token"
        );
    }
}
