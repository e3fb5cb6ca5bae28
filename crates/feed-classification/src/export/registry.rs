//! The exporters that a program offers.

use std::sync::Arc;

use crate::export::Exporter;
use crate::export::address_file::usual;

/// The exporters that a program offers, each under its name.
///
/// ```
/// use feed_classification::Registry;
///
/// let registry = Registry::builtin();
/// assert_eq!(registry.by_name("nftables").unwrap().about().extension, "nft");
/// assert!(registry.by_name("NFTables").is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Registry {
    exporters: Vec<Arc<dyn Exporter>>,
}

impl Registry {
    /// Returns a registry with no exporter.
    #[must_use]
    pub const fn empty() -> Self {
        Self { exporters: Vec::new() }
    }

    /// Returns a registry with the built-in formats: those of Cratos FastAPI first, then the others.
    #[must_use]
    pub fn builtin() -> Self {
        Self::empty()
            .with(super::txt::Txt)
            .with(super::json::Json)
            .with(super::xml::Xml)
            .with(super::yaml::Yaml)
            .with(super::b64::B64)
            .with(super::paloalto::PaloAlto)
            .with(super::cisco::Cisco)
            .with(super::generic::GENERIC)
            .with(super::juniper::Juniper)
            .with(super::f5::F5::default())
            .with(super::opnsense::OPNSENSE)
            .with(super::pfsense::PFSENSE)
            .with(usual::<super::mikrotik::MikroTik>())
            .with(super::fortinet::FORTINET)
            .with(super::checkpoint::CheckPoint)
            .with(super::umbrella::UMBRELLA)
            .with(super::mwg::Mwg)
            .with(super::proxysg::ProxySg::default())
            .with(usual::<super::nftables::Nftables>())
            .with(usual::<super::ipset::Ipset>())
            .with(super::rpz::Rpz::NXDOMAIN)
            .with(super::hosts::HOSTS)
            .with(super::dnsmasq::DNSMASQ)
            .with(super::unbound::UNBOUND)
            .with(super::adguard::ADGUARD)
            .with(super::squid::SQUID)
            .with(super::haproxy::HAPROXY)
            .with(super::nginx::NGINX)
            .with(super::postfix::POSTFIX)
            .with(super::rspamd::RSPAMD)
            .with(super::suricata::SURICATA)
            .with(super::suricata_dataset::SuricataDataset)
            .with(super::suricata_iprep::SuricataIprep)
            .with(super::snort::SNORT)
            .with(super::zeek::Zeek)
            .with(super::clamav::ClamAv)
            .with(super::yara::Yara)
            .with(super::sigma::Sigma)
            .with(super::csv::Csv)
            .with(super::jsonl::Jsonl)
            .with(super::splunk::Splunk::USUAL)
            .with(super::elastic::Elastic)
            .with(super::defender::Defender::AUDIT)
            .with(super::wazuh::Wazuh)
            .with(super::crowdsec::Crowdsec::BAN)
            .with(super::graylog_dsv::GraylogDsv)
            .with(super::qradar::Qradar)
            .with(super::stix2::Stix2)
            .with(super::openioc::Openioc)
            .with(super::misp_csv::MispCsv)
    }

    /// Adds an exporter. It replaces one with the same name.
    #[must_use]
    pub fn with(mut self, exporter: impl Exporter + 'static) -> Self {
        let exporter: Arc<dyn Exporter> = Arc::new(exporter);
        let name = exporter.about().name;
        match self.exporters.iter_mut().find(|known| known.about().name == name) {
            Some(known) => *known = exporter,
            None => self.exporters.push(exporter),
        }
        self
    }

    /// Returns the exporter with this name; case counts.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<dyn Exporter>> {
        self.exporters.iter().find(|exporter| exporter.about().name == name)
    }

    /// Returns the names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|exporter| exporter.about().name)
    }

    /// Returns the exporters, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Exporter>> {
        self.exporters.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;
    use crate::Indicator;
    use crate::export::{About, Exporter, testkit};
    use std::io::{self, Write};

    #[derive(Debug)]
    struct OwnTxt;

    impl Exporter for OwnTxt {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("txt", "Our own plain text.");
            &ABOUT
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            out.write_all(item.value.as_bytes())
        }
    }

    #[test]
    fn builtin_has_the_outputs_of_cratos_fastapi() {
        let of_the_reference = ["txt", "json", "xml", "yaml", "b64", "paloalto", "cisco"];
        assert!(Registry::builtin().names().take(7).eq(of_the_reference));
        assert!(Registry::builtin().by_name("TXT").is_none());
    }

    #[test]
    fn an_exporter_replaces_the_one_with_its_name_in_place() {
        let registry = Registry::builtin().with(OwnTxt);
        assert!(registry.names().eq(Registry::builtin().names()));
        assert_eq!(registry.by_name("txt").unwrap().about().summary, "Our own plain text.");
    }

    #[test]
    fn every_builtin_exporter_says_who_reads_it_what_its_limits_are_and_how_it_is_fetched() {
        for exporter in Registry::builtin().iter() {
            let about = exporter.about();
            for (what, text) in [
                ("consumer", about.consumer),
                ("limits", about.limits),
                ("pull", about.pull),
            ] {
                let name = about.name;
                assert!(!text.is_empty(), "{name} does not say its {what}");
                assert!(!text.contains("  ") && !text.ends_with(' '), "{name}: {text:?}");
            }
        }
    }

    #[test]
    fn every_builtin_exporter_passes_the_battery() {
        for exporter in Registry::builtin().iter() {
            testkit::check(exporter.as_ref());
        }
    }

    /// The usual run checks the exporters that look ahead, and one that writes entry by entry as the others do:
    /// without optimisation each takes some seconds. `CRATOS_MILLION=1` checks them all.
    #[test]
    fn builtin_exporters_write_a_million_values() {
        let wants_all = std::env::var_os("CRATOS_MILLION").is_some();
        for exporter in Registry::builtin().iter() {
            let about = exporter.about();
            if wants_all || about.merges || about.name == "generic" {
                testkit::check_million(exporter.as_ref());
            }
        }
    }
}
