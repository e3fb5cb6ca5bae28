//! The options that limit a token.

use clap::Args;
use feed_classification::{FeedName, IndicatorType};
use ipnet::IpNet;
use site_config::{Core, Site};
use token_crypto::{Permission, Scope, Tlp};

use crate::cli::{names, output};
use crate::exit::Failure;

/// The options that limit a token. A list option can be repeated, or have several values between commas.
#[derive(Debug, Args)]
pub(super) struct ScopeOptions {
    /// Only this feed; can be repeated, like the following options
    #[arg(long, env = "CRATOS_FEED", hide_env_values = true, value_name = "FEED", value_delimiter = ',', value_parser = names::feed())]
    feed: Vec<FeedName>,

    /// Only this type of indicator
    #[arg(long = "type", env = "CRATOS_TYPE", hide_env_values = true, value_name = "TYPE", value_delimiter = ',', value_parser = names::indicator_type())]
    kind: Vec<IndicatorType>,

    /// Only this output
    #[arg(long, env = "CRATOS_OUTPUT", hide_env_values = true, value_name = "OUTPUT", value_delimiter = ',', value_parser = names::output())]
    output: Vec<String>,

    /// Only indicators up to this TLP level; cannot be repeated
    #[arg(long, env = "CRATOS_MAX_TLP", hide_env_values = true, value_name = "LEVEL", value_parser = names::tlp())]
    max_tlp: Option<Tlp>,

    /// Only from this address or network (inside what the site file allows)
    #[arg(long, env = "CRATOS_ALLOW_IP", hide_env_values = true, value_name = "CIDR", value_delimiter = ',', value_parser = names::network)]
    allow_ip: Vec<IpNet>,

    /// Read no feeds: the token is for this purpose only; can be repeated
    #[arg(long, env = "CRATOS_ONLY", hide_env_values = true, value_name = "PURPOSE", value_delimiter = ',', value_parser = names::purpose())]
    only: Vec<Permission>,

    /// A permission beside reading feeds, or beside the purpose of --only
    #[arg(long, env = "CRATOS_PERMISSION", hide_env_values = true, value_name = "NAME", value_delimiter = ',', value_parser = names::permission())]
    permission: Vec<Permission>,
}

impl ScopeOptions {
    /// Returns the scope: that of an unscoped token without any option.
    pub(super) fn scope(&self) -> Scope {
        if self.is_empty() {
            Scope::unrestricted()
        } else {
            self.narrow(Scope::new())
        }
    }

    /// Returns `scope` with the parts that the options replace. An unscoped one is replaced as a whole, as if the token
    /// were new: it does not keep the permission to clear the cache.
    pub(super) fn rescope(&self, scope: &Scope) -> Scope {
        if self.is_empty() {
            scope.clone()
        } else if *scope == Scope::unrestricted() {
            self.scope()
        } else {
            self.narrow(scope.clone())
        }
    }

    /// Refuses custom feeds that the site does not define, because the token would give no feed.
    pub(super) fn refuse_undefined(&self, site: &Site) -> Result<(), Failure> {
        let undefined: Vec<_> = self
            .feed
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

    /// Warns of source networks that the site does not allow: a token never allows more than its site.
    pub(super) fn warn_of_outsiders(&self, core: &Core, site: &Site) {
        let allowed: Vec<&IpNet> = core.allways_allowed_ips.iter().chain(&site.allowed_ips).collect();
        for network in &self.allow_ip {
            if allowed.iter().any(|allowed| allowed.contains(network)) {
                continue;
            }
            let is_partly = allowed.iter().any(|allowed| network.contains(*allowed));
            let effect = if is_partly {
                "is allowed in part only, and the token works for that part"
            } else {
                "is not allowed, and the token does not work from there"
            };
            output::remark(format!(
                "warning: --allow-ip {network}: {effect}: put it under `allowed_ips` in the file of {} if its devices shall use the token\n",
                site.name
            ));
        }
    }

    fn is_empty(&self) -> bool {
        self.feed.is_empty()
            && self.kind.is_empty()
            && self.output.is_empty()
            && self.max_tlp.is_none()
            && self.allow_ip.is_empty()
            && self.only.is_empty()
            && self.permission.is_empty()
    }

    fn narrow(&self, mut scope: Scope) -> Scope {
        if !self.feed.is_empty() {
            scope = scope.with_feeds(self.feed.iter().map(|feed| feed.as_str()));
        }
        if !self.kind.is_empty() {
            scope = scope.with_types(self.kind.iter().map(|kind| kind.as_str()));
        }
        if !self.output.is_empty() {
            scope = scope.with_outputs(self.output.iter().cloned());
        }
        if let Some(level) = self.max_tlp {
            scope = scope.with_max_tlp(level);
        }
        if !self.allow_ip.is_empty() {
            scope = scope.with_networks(self.allow_ip.iter().copied());
        }
        let permissions = self.only.iter().chain(&self.permission).copied();
        if !self.only.is_empty() {
            scope = scope.only(permissions);
        } else if !self.permission.is_empty() {
            scope = scope.with_permissions(permissions);
        }
        scope
    }
}
