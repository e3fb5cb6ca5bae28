//! `cratosd token mint`: a token for a device.

use clap::Args;
use feed_classification::{FeedName, IndicatorType};
use ipnet::IpNet;
use site_config::Site;
use token_crypto::{Claims, ExpiryDay, KeyRing, Permission, Scope, SealedToken};

use crate::cli::auth_key::AuthKeySource;
use crate::cli::files::{self, ConfigFiles};
use crate::cli::misp::MispAddress;
use crate::cli::token::description;
use crate::cli::{names, output};
use crate::exit::{Failure, chain};

#[derive(Debug, Args)]
#[command(after_help = "\
Without --auth-key-file and CRATOS_AUTH_KEY the MISP key is read from standard input.
Without --feed, --type, --output, --allow-ip and --permission the token is unscoped: it reads every
feed and may clear the cache.")]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    misp: MispAddress,

    #[command(flatten)]
    auth_key: AuthKeySource,

    /// Day on which the token stops working, at 00:00 UTC
    #[arg(long, env = "CRATOS_EXPIRES", hide_env_values = true, value_name = "YYYY-MM-DD", value_parser = names::expiry)]
    expires: ExpiryDay,

    #[command(flatten)]
    narrowed: Narrowed,

    /// Name for the log, for example that of the device
    #[arg(long, env = "CRATOS_LABEL", hide_env_values = true, value_name = "TEXT")]
    label: Option<String>,

    #[command(flatten)]
    files: ConfigFiles,
}

/// What narrows a token. Each may be given more than once, or with commas between.
#[derive(Debug, Args)]
struct Narrowed {
    /// Only this feed; may be given more than once, as all that follow
    #[arg(long, env = "CRATOS_FEED", hide_env_values = true, value_name = "FEED", value_delimiter = ',', value_parser = names::feed())]
    feed: Vec<FeedName>,

    /// Only this type of indicator
    #[arg(long = "type", env = "CRATOS_TYPE", hide_env_values = true, value_name = "TYPE", value_delimiter = ',', value_parser = names::indicator_type())]
    kind: Vec<IndicatorType>,

    /// Only this output
    #[arg(long, env = "CRATOS_OUTPUT", hide_env_values = true, value_name = "OUTPUT", value_delimiter = ',', value_parser = names::output())]
    output: Vec<String>,

    /// Only from this address or network (inside what the site file allows)
    #[arg(long, env = "CRATOS_ALLOW_IP", hide_env_values = true, value_name = "CIDR", value_delimiter = ',', value_parser = names::network)]
    allow_ip: Vec<IpNet>,

    /// What the token may do beside reading feeds
    #[arg(long, env = "CRATOS_PERMISSION", hide_env_values = true, value_name = "NAME", value_delimiter = ',', value_parser = names::permission())]
    permission: Vec<Permission>,
}

impl Narrowed {
    /// Returns the scope: that of an unscoped token if nothing was said.
    fn scope(&self) -> Scope {
        let nothing = self.feed.is_empty() && self.kind.is_empty() && self.output.is_empty();
        if nothing && self.allow_ip.is_empty() && self.permission.is_empty() {
            return Scope::unrestricted();
        }
        let mut scope = Scope::new()
            .with_networks(self.allow_ip.iter().copied())
            .with_permissions(self.permission.iter().copied());
        if !self.feed.is_empty() {
            scope = scope.with_feeds(self.feed.iter().map(|feed| feed.as_str()));
        }
        if !self.kind.is_empty() {
            scope = scope.with_types(self.kind.iter().map(|kind| kind.as_str()));
        }
        if !self.output.is_empty() {
            scope = scope.with_outputs(self.output.iter().cloned());
        }
        scope
    }
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let site = files::site(&loaded, &options.misp.site)?;
    refuse_the_past(options.expires)?;
    refuse_undefined(&options.narrowed.feed, site)?;
    let ring = files::key_ring(&loaded.core)?;

    let (proto, port) = (options.misp.reached.proto, options.misp.reached.port());
    let claims = Claims::new(
        site.name.as_str(),
        proto,
        port,
        options.auth_key.read()?,
        options.expires,
    );
    let mut claims = claims.with_scope(options.narrowed.scope());
    if let Some(label) = &options.label {
        claims = claims.with_label(label.as_str());
    }
    let token = seal(&ring, &claims)?;
    // What is told is read out of the token itself, so it is what a device will get.
    let opened = ring
        .open(token.expose())
        .map_err(|error| Failure::failed(format!("the new token does not open: {error}")))?;
    output::remark(description::of(&opened));
    output::print(format!("{}\n", token.expose()))
}

/// Returns the moment from which "past" counts, in unix seconds.
pub(in crate::cli) fn today() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Seals claims; what a token cannot hold was typed wrongly.
pub(in crate::cli) fn seal(ring: &KeyRing, claims: &Claims) -> Result<SealedToken, Failure> {
    ring.seal(claims)
        .map_err(|error| Failure::usage(format!("no token can be made of this: {}", chain(&error))))
}

fn refuse_the_past(expires: ExpiryDay) -> Result<(), Failure> {
    if !expires.has_ended(today()) {
        return Ok(());
    }
    let soonest = ExpiryDay::days_from(today(), 1);
    Err(Failure::usage(format!(
        "a token that expires on {expires} would not work any more: write {soonest} or later with --expires"
    )))
}

fn refuse_undefined(feeds: &[FeedName], site: &Site) -> Result<(), Failure> {
    let undefined: Vec<_> = feeds
        .iter()
        .filter(|feed| feed.is_custom() && !site.custom_feeds.contains_key(feed))
        .map(|feed| feed.as_str())
        .collect();
    if undefined.is_empty() {
        return Ok(());
    }
    let defined: Vec<_> = site.custom_feeds.keys().map(|feed| feed.as_str()).collect();
    let defined = if defined.is_empty() {
        "none".to_owned()
    } else {
        defined.join(", ")
    };
    let (undefined, site) = (undefined.join(", "), &site.name);
    Err(Failure::usage(format!(
        "{undefined}: not defined at {site}, whose file defines {defined} under `custom_feeds`"
    )))
}
