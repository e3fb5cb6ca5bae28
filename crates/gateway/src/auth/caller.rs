//! A token and an address, and the checks of both.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use secrecy::{ExposeSecret as _, SecretString};
use token_crypto::OpenError;
use zeroize::Zeroizing;

use super::credentials::{self, Credentials};
use super::grant::{Grant, check_day, forbidden};
use super::known_tokens::KnownTokens;
use super::right::Right;
use super::site::{is_revoked, site_of};
use crate::configuration::Snapshot;
use crate::notes::{NotedToken, RequestNotes};
use crate::reject::Reject;
use crate::request::Request;
use crate::throttle::{FailureKey, Throttle};

/// A token and an address, kept for as long as an answer goes on.
pub(crate) struct Caller {
    pub(super) credentials: Credentials,
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
    /// As [`authorise`](super::authorise).
    pub(super) fn admit(
        &self,
        known: &KnownTokens,
        throttle: &Throttle,
        snapshot: &Arc<Snapshot>,
        right: Right,
        notes: &RequestNotes,
    ) -> Result<Grant, Reject> {
        let granted = counted(
            self.grant(known, snapshot, notes),
            throttle,
            snapshot,
            self.client,
            notes,
        )?;
        granted.check(right)?;
        Ok(granted)
    }

    /// Returns the grant of the caller at this moment, and notes the token for the logs.
    ///
    /// # Errors
    /// As [`authorise`](super::authorise), but for the right and the counting.
    pub(crate) fn grant(
        &self,
        known: &KnownTokens,
        snapshot: &Arc<Snapshot>,
        notes: &RequestNotes,
    ) -> Result<Grant, Reject> {
        let token = &self.credentials.token;
        let grant = match known.find(snapshot.generation, token) {
            Some(grant) => {
                notes.known(&grant.noted);
                grant.check_day(jiff::Timestamp::now().as_second())?;
                grant
            }
            None => {
                let grant = self.opened(snapshot, notes)?;
                known.remember(snapshot.generation, token, &grant);
                grant
            }
        };
        grant.check_address(self.client, &snapshot.loaded)?;
        Ok(grant)
    }

    /// Opens the token and checks all of it but the address.
    fn opened(&self, snapshot: &Snapshot, notes: &RequestNotes) -> Result<Grant, Reject> {
        let token = &self.credentials.token;
        // Asked before the token is opened: keys that are derived meanwhile need not open it.
        let is_lasting = snapshot.ring.is_settled();
        let opened = snapshot
            .ring
            .open(token)
            .map_err(|error| self.not_opened(error, snapshot, notes))?;
        let claims = &opened.claims;
        let noted = Arc::new(NotedToken::of(claims));
        notes.known(&noted);
        check_day(claims.expires, jiff::Timestamp::now().as_second())?;
        let site = site_of(claims, &snapshot.loaded)?;
        if is_revoked(site, token, &opened) {
            return Err(forbidden("The provided API token is blacklisted and cannot be used."));
        }
        // A token opens in many spellings. Remembered ones would take the room of other tokens.
        let is_lasting = is_lasting && opened.token().expose_secret() == token.as_str();
        Ok(Grant::of(&opened, is_lasting, noted, site, &snapshot.loaded))
    }

    /// Returns the token in its one proper spelling: for a handler that must open it again after its request, since
    /// grants hold nothing of it.
    ///
    /// # Errors
    /// 403 for a token that does not open.
    pub(crate) fn proper_token(&self, snapshot: &Snapshot, notes: &RequestNotes) -> Result<SecretString, Reject> {
        let opened = snapshot.ring.open(&self.credentials.token);
        let opened = opened.map_err(|error| self.not_opened(error, snapshot, notes))?;
        Ok(opened.token().clone())
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

/// Counts a refusal: of a token that opened by its id, and of any other by its address.
///
/// # Errors
/// The refusal, or 429 after many of them.
pub(super) fn counted<T>(
    outcome: Result<T, Reject>,
    throttle: &Throttle,
    snapshot: &Snapshot,
    client: IpAddr,
    notes: &RequestNotes,
) -> Result<T, Reject> {
    if let Err(Reject::Forbidden(_)) = outcome {
        let failing = notes
            .token_id()
            .map_or_else(|| FailureKey::tokens(client), FailureKey::Refused);
        let limit = snapshot.loaded.core.failed_tokens_per_minute;
        throttle
            .failed(failing, limit, Instant::now())
            .map_err(|retry_after| Reject::TooManyFailures { retry_after })?;
    }
    outcome
}

/// Returns the reject for a token of Cratos FastAPI whose key is not there yet.
pub(super) fn keys_pending() -> Reject {
    Reject::unavailable("The keys of tokens made by Cratos FastAPI are not derived yet; ask again.")
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
