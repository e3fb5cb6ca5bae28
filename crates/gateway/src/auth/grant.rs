//! The permission of an opened token.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use feed_engine::{CallerId, Filter, Upstream};
use site_config::{Loaded, Site};
use token_crypto::{Allowed, Claims, ExpiryDay, OpenedToken, Scope};

use super::right::Right;
use crate::notes::NotedToken;
use crate::reject::Reject;
use crate::secret_digest::SecretDigest;
use crate::token_uses::UsesOfGrant;

/// The most answers that are prepared for one token: a device that adds a new number to each target takes no room from
/// others.
pub(crate) const MOST_PREPARED: usize = 64;

/// The permission of an opened token: a site, a MISP key and a scope. All checks of the token and of the address have
/// passed. Copies share it, and it holds nothing of the token's text.
#[derive(Clone, Debug)]
pub(crate) struct Grant(Arc<Granted>);

/// What a [`Grant`] says.
pub(crate) struct Granted {
    pub(crate) upstream: Upstream,
    pub(crate) scope: Scope,
    pub(crate) expires: ExpiryDay,
    /// The digest of the token, which is the same for every spelling of it.
    pub(crate) fingerprint: String,
    /// Whether the token opens as long as the snapshot is in force: not before the keys of legacy tokens are derived,
    /// since the ones before them may have opened it.
    pub(crate) is_lasting: bool,
    /// The token as logs name it.
    pub(crate) noted: Arc<NotedToken>,
    /// The uses of the token, which other grants of it share.
    pub(crate) uses: UsesOfGrant,
    /// The names of the answers that are kept for it, the oldest first.
    pub(crate) prepared: Mutex<VecDeque<SecretDigest>>,
}

impl Grant {
    /// Returns the grant of a token that opened, at its site.
    pub(super) fn of(
        opened: &OpenedToken,
        is_lasting: bool,
        noted: Arc<NotedToken>,
        site: &Arc<Site>,
        loaded: &Loaded,
    ) -> Self {
        Self(Arc::new(Granted {
            is_lasting,
            upstream: upstream(&opened.claims, site, loaded),
            scope: opened.claims.scope.clone(),
            expires: opened.claims.expires,
            fingerprint: opened.fingerprint().to_owned(),
            noted,
            uses: UsesOfGrant::default(),
            prepared: Mutex::default(),
        }))
    }

    /// Checks the day at this second since 1970.
    ///
    /// # Errors
    /// 403 with the text of Cratos FastAPI.
    pub(super) fn check_day(&self, now: i64) -> Result<(), Reject> {
        check_day(self.expires, now)
    }

    /// Checks that the token may be used from this address, at its site and by its own limits.
    ///
    /// # Errors
    /// 403 with the text of Cratos FastAPI.
    pub(super) fn check_address(&self, client: IpAddr, loaded: &Loaded) -> Result<(), Reject> {
        let mut allowed = loaded.core.allways_allowed_ips.iter().chain(&self.site().allowed_ips);
        if allowed.any(|network| network.contains(&client)) && self.scope.permits_address(client) {
            return Ok(());
        }
        Err(forbidden(format!(
            "{client} are not allowed to access the MISP instance."
        )))
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

impl Deref for Grant {
    type Target = Granted;

    fn deref(&self) -> &Granted {
        &self.0
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("upstream", &self.upstream)
            .field("noted", &self.noted)
            .finish_non_exhaustive()
    }
}

/// Checks that a token which ends on this day has not ended at this second since 1970.
///
/// # Errors
/// 403 with the text of Cratos FastAPI.
pub(super) fn check_day(expires: ExpiryDay, now: i64) -> Result<(), Reject> {
    if expires.has_ended(now) {
        return Err(forbidden("The security token has expired."));
    }
    Ok(())
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

pub(super) fn forbidden(detail: impl Into<String>) -> Reject {
    Reject::Forbidden(detail.into())
}
