//! From the token of a caller to its grant.

mod caller;
mod credentials;
mod grant;
mod known_tokens;
mod right;
mod site;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use token_crypto::{OpenError, TokenId};

pub(crate) use self::caller::Caller;
pub(crate) use self::grant::{Grant, MOST_PREPARED, upstream};
pub(crate) use self::known_tokens::KnownTokens;
pub(crate) use self::right::Right;
use self::site::{is_revoked, site_of};
use crate::configuration::{Configuration, Snapshot};
use crate::notes::NotedToken;
use crate::reject::Reject;
use crate::request::{Asking, Request};
use crate::throttle::Throttle;

/// Opens the token of a request and checks it in the order of Cratos FastAPI: token, expiry, site, revocation, address.
/// The last check is the right that the route needs.
///
/// # Errors
/// 401 without a token, and 403 for a token or an address that is refused, with the texts of Cratos FastAPI if it has
/// one; 429 after many failures. 503 if the configuration files are at fault, since a firewall that gets 403 stops
/// enforcing its list.
pub(crate) fn authorise(
    known: &KnownTokens,
    throttle: &Throttle,
    request: &Request<'_>,
    right: Right,
) -> Result<Grant, Reject> {
    Caller::of(request)?.admit(known, throttle, &request.snapshot, right, request.notes)
}

/// Checks a grant again that a request with the same token got under the same configuration: what may have changed
/// since is the day, and the address may be another one.
///
/// # Errors
/// As [`authorise`].
pub(crate) fn authorise_again(grant: &Grant, throttle: &Throttle, request: Asking<'_>) -> Result<(), Reject> {
    let outcome = checked_again(grant, request);
    caller::counted(outcome, throttle, request.snapshot, request.client, request.notes)
}

/// Returns whether [`authorise_again`] would find the grant good. Nothing is counted.
pub(crate) fn passes_again(grant: &Grant, request: Asking<'_>) -> bool {
    checked_again(grant, request).is_ok()
}

fn checked_again(grant: &Grant, request: Asking<'_>) -> Result<(), Reject> {
    request.notes.came();
    request.notes.known(&grant.noted);
    grant.check_day(request.now.second)?;
    grant.check_address(request.client, &request.snapshot.loaded)
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
    Err(caller::keys_pending())
}

/// The state of a token that was good when it came.
pub(crate) enum Standing {
    /// It is good.
    Good(Grant, TokenId),
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
    let noted = Arc::new(NotedToken::of(&opened.claims));
    let grant = Grant::of(&opened, false, noted, site, &snapshot.loaded);
    Standing::Good(grant, opened.claims.id)
}

/// Remembers the grant of a token whatever its day, as if it had been good when it came: for tests of what becomes of
/// it.
#[cfg(test)]
pub(crate) fn remembered(known: &KnownTokens, snapshot: &Arc<Snapshot>, token: &str) -> Grant {
    let opened = snapshot.ring.open(token).unwrap();
    let site = site_of(&opened.claims, &snapshot.loaded).unwrap();
    let noted = Arc::new(NotedToken::of(&opened.claims));
    let grant = Grant::of(&opened, true, noted, site, &snapshot.loaded);
    known.remember(snapshot.generation, token, &grant);
    grant
}
