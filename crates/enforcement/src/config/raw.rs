//! `agent.yaml` as it is written.

use config_file::{Place, Spanned, place};
use serde::Deserialize;

use crate::limits;
use crate::target::{Section, dns_rpz, file, ipset, nftables, suricata};

/// The keys of the kinds of target.
pub(super) const KINDS: &[&str] = &["dns-rpz", "file", "ipset", "nftables", "suricata"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) server: Option<Spanned<String>>,
    pub(super) token_file: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) insecure_http: bool,
    pub(super) state_dir: Option<Spanned<String>>,
    pub(super) metrics_file: Option<Spanned<String>>,
    pub(super) follow: Option<Spanned<String>>,
    pub(super) poll_interval: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) max_body_bytes: Option<usize>,
    pub(super) max_age: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) never_block: Vec<String>,
    #[serde(default)]
    pub(super) may_block: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) admin_networks: Vec<Spanned<String>>,
    pub(super) ssh_ports: Option<Vec<u16>>,
    pub(super) feeds: Option<Vec<Spanned<Feed>>>,
    pub(super) targets: Option<Vec<Spanned<Target>>>,
    /// Keys that something was said about already.
    #[serde(default, rename = "$told")]
    pub(super) told: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feed {
    pub(super) name: Option<Spanned<String>>,
    pub(super) feed: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) age: Option<Spanned<String>>,
    pub(super) max_tlp: Option<Spanned<String>>,
    pub(super) min_score: Option<Spanned<u64>>,
    pub(super) unscored: Option<Spanned<String>>,
    /// Keys that something was said about already.
    #[serde(default, rename = "$told")]
    pub(super) told: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    max_entries: Option<usize>,
    max_change: Option<usize>,
    max_change_percent: Option<u32>,
    free_change: Option<usize>,
    max_addresses: Option<u64>,
    max_change_addresses: Option<u64>,
    free_change_addresses: Option<u64>,
    first_run_free: Option<bool>,
    allow_empty: Option<bool>,
}

/// A target; the sections are one key for each kind, and one of them is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) name: Option<Spanned<String>>,
    pub(super) feeds: Option<Vec<Spanned<String>>>,
    pub(super) limits: Option<Limits>,
    #[serde(rename = "dns-rpz")]
    dns_rpz: Option<Spanned<dns_rpz::RpzSection>>,
    file: Option<Spanned<file::FileSection>>,
    ipset: Option<Spanned<ipset::IpsetSection>>,
    nftables: Option<Spanned<nftables::NftablesSection>>,
    suricata: Option<Spanned<suricata::SuricataSection>>,
    /// Keys that something was said about already.
    #[serde(default, rename = "$told")]
    pub(super) told: Vec<String>,
}

impl Target {
    /// Returns the sections that are there, each with its place.
    pub(super) fn sections(self) -> Vec<(Place, Box<dyn Section>)> {
        fn boxed<S: Section + 'static>(section: Option<Spanned<S>>) -> Option<(Place, Box<dyn Section>)> {
            let section = section?;
            Some((place(&section), Box::new(section.value)))
        }
        let sections = [
            boxed(self.dns_rpz),
            boxed(self.file),
            boxed(self.ipset),
            boxed(self.nftables),
            boxed(self.suricata),
        ];
        sections.into_iter().flatten().collect()
    }
}

impl Limits {
    pub(super) fn check(&self) -> limits::Limits {
        let default = limits::Limits::default();
        limits::Limits {
            max_entries: self.max_entries.unwrap_or(default.max_entries),
            max_change: self.max_change.unwrap_or(default.max_change),
            max_change_percent: self.max_change_percent.unwrap_or(default.max_change_percent),
            free_change: self.free_change.unwrap_or(default.free_change),
            max_addresses: self.max_addresses.unwrap_or(default.max_addresses),
            max_change_addresses: self.max_change_addresses.unwrap_or(default.max_change_addresses),
            free_change_addresses: self.free_change_addresses.unwrap_or(default.free_change_addresses),
            first_run_free: self.first_run_free.unwrap_or(default.first_run_free),
            allow_empty: self.allow_empty.unwrap_or(default.allow_empty),
        }
    }
}
