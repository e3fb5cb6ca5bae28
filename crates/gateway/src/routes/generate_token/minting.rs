//! From an order to a sealed token: the check of the site, its port, and of the key at MISP. The JSON route and the
//! page share it.

use std::net::IpAddr;
use std::time::Instant;

use feed_engine::{FeedError, Upstream};
use service_kit::LogLimit;
use site_config::Site;
use token_crypto::{Claims, Permission, SealedToken};

use super::order::Order;
use crate::app::App;
use crate::auth;
use crate::configuration::Snapshot;
use crate::even_time;
use crate::invalid::Invalid;
use crate::rate_limit::Rate;
use crate::reject::Reject;
use crate::routes::metrics::may_look;
use crate::throttle::FailureKey;

/// The log lines about keys that could not be checked.
static UNCONFIRMED: LogLimit = LogLimit::once_a_minute();

/// A token that was made.
pub(super) struct MintedToken {
    pub(super) token: SealedToken,
    pub(super) claims: Claims,
    /// The address of its MISP.
    pub(super) misp: String,
}

/// Makes a token after MISP has said that its key is good.
pub(super) async fn mint(app: &App, snapshot: &Snapshot, client: IpAddr, order: Order) -> Result<MintedToken, Reject> {
    let claims = order.into_claims();
    let Some(site) = snapshot.loaded.site(&claims.site) else {
        let unknown =
            Invalid::value(&["body", "domain"], "no MISP instance of this name is served here").input(&claims.site);
        return Err(Reject::Invalid(vec![unknown]));
    };
    check_port(site, claims.port)?;
    take_turn(app, snapshot, client)?;
    let upstream = auth::upstream(&claims, site, &snapshot.loaded);
    confirm_key(app, snapshot, client, &upstream, &claims).await?;
    let misp = format!("{}/", upstream.address());
    // The fields were checked one by one. The seal can still fail on all of them together, for example on their length.
    let token = snapshot
        .ring
        .seal(&claims)
        .map_err(|error| Reject::Invalid(vec![Invalid::value(&["body"], &error.to_string())]))?;
    tracing::info!(site = claims.site, token = %token.id(), expires = %claims.expires, "a token was made");
    Ok(MintedToken { token, claims, misp })
}

/// Refuses a port that the site's file does not allow: a caller must not find out here what listens on that machine.
fn check_port(site: &Site, port: u16) -> Result<(), Reject> {
    if site.misp_ports.contains(&port) {
        return Ok(());
    }
    let message = match site.misp_ports.as_slice() {
        [] => "no tokens are made for this MISP instance here".to_owned(),
        ports => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            format!(
                "tokens for this MISP instance are made for port {} only",
                ports.join(", ")
            )
        }
    };
    let wrong = Invalid::value(&["body", "port"], &message).input(&port.to_string());
    Err(Reject::Invalid(vec![wrong]))
}

/// Takes one of the tokens that an address may make in a minute: each costs MISP a request. An address whose keys MISP
/// refuses has to wait, and longer each time.
fn take_turn(app: &App, snapshot: &Snapshot, client: IpAddr) -> Result<(), Reject> {
    let now = Instant::now();
    let rate = Rate::a_minute(snapshot.loaded.core.token_minting_per_minute);
    app.throttle()
        .check(&FailureKey::keys(client), now)
        .and_then(|()| app.minting().take(client, rate, now))
        .map_err(|retry_after| Reject::TooOften { retry_after })
}

/// Asks MISP for the user of the key. A bad key is the caller's mistake here, since the key is in the body.
async fn confirm_key(
    app: &App,
    snapshot: &Snapshot,
    client: IpAddr,
    upstream: &Upstream,
    claims: &Claims,
) -> Result<(), Reject> {
    let refused = |message| Reject::Invalid(vec![Invalid::value(&["body", "auth"], message)]);
    let asking = async { app.misp().client(upstream)?.me().await.map_err(FeedError::from) };
    let me = if may_look(snapshot, client) {
        asking.await
    } else {
        let time = upstream.site().timeout.min(even_time::LONGEST);
        let checked = app.key_checks().check(time, asking).await;
        checked.map_err(|retry_after| Reject::TooOften { retry_after })?
    };
    match me {
        Ok(me) if me.disabled => Err(refused("the user of this key is disabled in MISP")),
        Ok(me) if !me.role.may_use_keys => Err(refused("the role of this key's user may not use keys in MISP")),
        // Sightings are sent hours after the reporter got its 202, so this is the best moment to refuse.
        Ok(me) if claims.scope.permits(Permission::Sightings) && !me.role.may_add_sightings => {
            let message = "the role of this key's user may not add sightings in MISP: it lacks \"Sighting Creator\"";
            Err(Reject::Invalid(vec![Invalid::value(
                &["body", "scope", "permissions"],
                message,
            )]))
        }
        Ok(_) => Ok(()),
        Err(error) if error.is_key_refused() => {
            let limit = snapshot.loaded.core.failed_tokens_per_minute;
            app.throttle()
                .failed(FailureKey::keys(client), limit, Instant::now())
                .map_err(|retry_after| Reject::TooOften { retry_after })?;
            Err(refused("MISP refused this key"))
        }
        Err(error) => Err(unconfirmed(snapshot, client, &claims.site, error)),
    }
}

/// Logs why MISP could not be asked about a key. Only callers that may read the metrics get the reason: the difference
/// between a closed port, a redirect and a time-out is a map of the network for others. So is the time of the answer,
/// which [`EvenTime`](crate::even_time::EvenTime) makes the same.
fn unconfirmed(snapshot: &Snapshot, client: IpAddr, site: &str, error: FeedError) -> Reject {
    UNCONFIRMED.say(|more| {
        tracing::warn!(site, %client, error = error.chain(), more, "no token was made, since MISP could not be asked about its key");
    });
    if may_look(snapshot, client) {
        return error.into();
    }
    Reject::unavailable("MISP did not answer as it should")
}
