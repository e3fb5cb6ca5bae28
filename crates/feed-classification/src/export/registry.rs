//! The exporters that a program offers.

use std::sync::Arc;

use crate::export::{
    Exporter, b64, cisco, generic, ipset, json, nftables, paloalto, rpz, suricata, suricata_dataset, suricata_iprep,
    txt, xml, yaml,
};

/// The exporters that a program offers, each under its name.
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

    /// Returns a registry with the built-in formats: those of the reference first, then ours.
    #[must_use]
    pub fn builtin() -> Self {
        Self::empty()
            .with(txt::Txt)
            .with(json::Json)
            .with(xml::Xml)
            .with(yaml::Yaml)
            .with(b64::B64)
            .with(paloalto::PaloAlto)
            .with(cisco::Cisco)
            .with(generic::Generic)
            .with(nftables::Nftables)
            .with(ipset::Ipset)
            .with(rpz::Rpz)
            .with(suricata::Suricata)
            .with(suricata_dataset::SuricataDataset)
            .with(suricata_iprep::SuricataIprep)
    }

    /// Adds an exporter; one with the same name gives way.
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
    fn builtin_has_the_outputs_of_the_reference() {
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
    fn every_builtin_exporter_passes_the_battery() {
        for exporter in Registry::builtin().iter() {
            testkit::check(exporter.as_ref());
        }
    }
}
