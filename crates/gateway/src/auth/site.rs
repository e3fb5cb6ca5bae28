//! The site of a token, and the tokens that it revokes.

use std::sync::Arc;

use site_config::{Loaded, Site, SiteName};
use subtle::{Choice, ConstantTimeEq as _};
use token_crypto::{Claims, OpenedToken, token_sha256};

use super::grant::forbidden;
use crate::reject::Reject;

/// Returns the site of these claims.
///
/// # Errors
/// 403 for a site that does not exist or is switched off, 503 for one whose file has errors.
pub(super) fn site_of<'l>(claims: &Claims, loaded: &'l Loaded) -> Result<&'l Arc<Site>, Reject> {
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

/// Returns whether the site revokes the token. The text as it came counts and its one proper spelling: another
/// spelling, for example `+` for `-`, must not revive a revoked token.
pub(super) fn is_revoked(site: &Site, token: &str, opened: &OpenedToken) -> bool {
    is_denied(site, &token_sha256(token)) | is_denied(site, opened.fingerprint())
}

/// Compares every digest to its end, so that the time does not show how close a guess was.
fn is_denied(site: &Site, digest: &str) -> bool {
    let hits = site
        .denied_token_digests
        .iter()
        .map(|denied| denied.as_bytes().ct_eq(digest.as_bytes()));
    hits.fold(Choice::from(0), |found, hit| found | hit).into()
}
