//! `cratosd token mint`: a token for a device.

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use site_config::Site;
use token_crypto::{Claims, ExpiryDay, KeyRing, SealedToken, description};

use crate::cli::auth_key::AuthKeySource;
use crate::cli::check::online;
use crate::cli::files::{self, ConfigFiles};
use crate::cli::misp::MispAddress;
use crate::cli::progress::Progress;
use crate::cli::token::scope_options::ScopeOptions;
use crate::cli::{names, output, runtime};
use crate::exit::{Failure, chain};

#[derive(Debug, Args)]
#[command(after_help = "\
Without --auth-key-file and CRATOS_AUTH_KEY the MISP key is read from standard input.
Without --feed, --type, --output, --max-tlp, --allow-ip, --only and --permission the token is unscoped:
it reads every feed and may clear the cache. With --only it reads no feed.")]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    misp: MispAddress,

    #[command(flatten)]
    auth_key: AuthKeySource,

    /// Day on which the token stops working, at 00:00 UTC; or its time from today on: 90d, 12w, 6m, 1y
    #[arg(long, env = "CRATOS_EXPIRES", hide_env_values = true, value_name = "YYYY-MM-DD", value_parser = names::expiry)]
    expires: ExpiryDay,

    #[command(flatten)]
    scope: ScopeOptions,

    /// Name for the log, for example that of the device
    #[arg(long, env = "CRATOS_LABEL", hide_env_values = true, value_name = "TEXT")]
    label: Option<String>,

    /// Also ask MISP whether it accepts the key; if not, no token is made
    #[arg(long, env = "CRATOS_ONLINE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    online: bool,

    #[command(flatten)]
    files: ConfigFiles,
}

/// The length of each key that MISP makes.
const KEY_LENGTH: usize = 40;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let site = files::site(&loaded, &options.misp.site)?;
    refuse_the_past(options.expires)?;
    options.scope.refuse_undefined(site)?;
    let ring = files::key_ring(&loaded.core)?;

    options.scope.warn_of_outsiders(&loaded.core, site);
    let key = options.auth_key.read()?;
    warn_of_length(&key);
    if options.online {
        ask(options, site, &key)?;
    }
    let (proto, port) = (options.misp.endpoint.proto, options.misp.endpoint.port());
    let claims = Claims::new(site.name.as_str(), proto, port, key, options.expires);
    let mut claims = claims.with_scope(options.scope.scope());
    if let Some(label) = &options.label {
        claims = claims.with_label(label.as_str());
    }
    let token = seal(&ring, &claims)?;
    // The description comes from the token itself, so it is true for the device.
    let opened = ring
        .open(token.expose())
        .map_err(|error| Failure::failed(format!("the new token does not open: {error}")))?;
    output::remark(description::of(&opened) + &description::untagged(&opened, site.default_tlp));
    output::print(format!("{}\n", token.expose()))
}

/// Warns of a key with another length, for example one that was cut when it was copied.
fn warn_of_length(key: &SecretString) {
    let length = key.expose_secret().len();
    if length != KEY_LENGTH {
        output::remark(format!(
            "warning: the MISP key has {length} characters, and those that MISP makes have {KEY_LENGTH}: check that it is complete\n"
        ));
    }
}

/// Asks MISP whether it takes the key.
fn ask(options: &Options, site: &Site, key: &SecretString) -> Result<(), Failure> {
    runtime::block_on(async {
        let progress = Progress::of("asking MISP about the key".to_owned());
        let answer = online::ask(site, options.misp.endpoint, Some(key)).await;
        drop(progress);
        let name = &site.name;
        let found = answer.map_err(|why| Failure::unavailable(format!("no token was made: {name}: {why}")))?;
        output::remark(format!("{name}: {found}, and it takes the key\n"));
        Ok(())
    })
}

/// Returns the current time in unix seconds.
pub(in crate::cli) fn today() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Seals claims. Claims that a token cannot contain are a usage error.
pub(in crate::cli) fn seal(ring: &KeyRing, claims: &Claims) -> Result<SealedToken, Failure> {
    ring.seal(claims)
        .map_err(|error| Failure::usage(format!("no token can be made of this: {}", chain(&error))))
}

/// Refuses a day on which the token would already have ended.
pub(super) fn refuse_the_past(expires: ExpiryDay) -> Result<(), Failure> {
    if !expires.has_ended(today()) {
        return Ok(());
    }
    let soonest = ExpiryDay::days_from(today(), 1);
    Err(Failure::usage(format!(
        "a token that expires on {expires} would not work any more: write {soonest} or later with --expires"
    )))
}
