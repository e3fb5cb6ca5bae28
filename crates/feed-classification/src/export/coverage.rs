//! The common part of the formats in which one entry covers others: names below a listed one, networks inside another.

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::Ipv6Addr;

use ipnet::IpNet;

use crate::export::{ExportCounts, Exporter, FeedInfo, QuarantineReason};
use crate::grammar::name;
use crate::{AddressSet, Indicator, IndicatorType, TypeSet, network_of};

/// What one entry covers at a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coverage {
    /// Whether a name covers the names below it. Then those are not written.
    pub(super) names_below: bool,
    /// The shortest prefix of a network. Some consumers cannot read `/0`, and with 1 they get the two halves.
    pub(super) min_prefix: u8,
    /// Whether the consumer keeps IPv4 addresses in one tree with IPv6, as `::ffff:0:0/96`. Then an IPv6 network around
    /// that block would cover every IPv4 address too, and is left out.
    pub(super) one_tree: bool,
}

impl Coverage {
    /// Names cover those below them; networks have any prefix, and the families are apart.
    pub(super) const USUAL: Self = Self {
        names_below: true,
        min_prefix: 0,
        one_tree: false,
    };

    /// A consumer with one tree would take the IPv6 network for every IPv4 address too.
    const COVERS_IPV4: QuarantineReason = QuarantineReason::because("covers_ipv4");

    /// Returns why a name or an address cannot be written: the text is another one than the name or the address that it
    /// stands for, or the consumer would read another network. Other types are not looked at.
    pub(super) fn refuses(self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if TypeSet::NAMES.contains(item.kind) {
            let is_name = name::domain(item.value).is_ok_and(|name| name == item.value);
            return (!is_name).then_some(QuarantineReason::UNREPRESENTABLE);
        }
        if !TypeSet::ADDRESSES.contains(item.kind) {
            return None;
        }
        match network_of(item.value) {
            None => Some(QuarantineReason::UNREPRESENTABLE),
            Some(network) => (self.one_tree && is_around_mapped(network)).then_some(Self::COVERS_IPV4),
        }
    }

    /// Writes a feed without the entries that others cover: networks are merged, and names below a listed one are not
    /// written if it covers them. Values of other types are written one by one, in front.
    ///
    /// A merged network goes to [`Exporter::entry`] as an indicator of the type `ip`, one of a single address without
    /// its prefix.
    pub(super) fn export(
        self,
        exporter: &dyn Exporter,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let accepts = exporter.about().accepts;
        let mut exported = ExportCounts::default();
        let (mut names, mut networks) = (Vec::new(), Vec::new());
        exporter.header(feed, out)?;
        for item in items.filter(|item| accepts.contains(item.kind)) {
            if exporter.leaves_out(&item).is_some() {
                exported.quarantined += 1;
                continue;
            }
            exported.written += 1;
            if TypeSet::NAMES.contains(item.kind) && self.names_below {
                names.push(item);
            } else if TypeSet::ADDRESSES.contains(item.kind) {
                networks.extend(network_of(item.value));
            } else {
                exporter.entry(&item, out)?;
            }
        }
        let listed: HashSet<&str> = names.iter().map(|item| item.value).collect();
        for item in names.iter().filter(|item| !is_below(&listed, item.value)) {
            exporter.entry(item, out)?;
        }
        let addresses: AddressSet = networks.into_iter().collect();
        for network in addresses.networks_of_length(self.min_prefix) {
            write_network(exporter, network, out)?;
        }
        exporter.footer(feed, out)?;
        Ok(exported)
    }
}

fn write_network(exporter: &dyn Exporter, network: IpNet, out: &mut dyn Write) -> io::Result<()> {
    let text = if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    };
    exporter.entry(&Indicator::new(IndicatorType::Ip, &text), out)
}

/// Returns whether the name is below a listed one.
fn is_below(listed: &HashSet<&str>, name: &str) -> bool {
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.') {
        if listed.contains(parent) {
            return true;
        }
        rest = parent;
    }
    false
}

/// Returns whether a network has the block of the IPv4 addresses in IPv6 inside. A part of the block is an IPv4 network
/// here.
fn is_around_mapped(network: IpNet) -> bool {
    match network {
        IpNet::V4(_) => false,
        IpNet::V6(network) => network.contains(&Ipv6Addr::from_bits(0xffff_0000_0000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::About;

    /// Writes every entry on a line.
    #[derive(Debug)]
    struct Lines(Coverage);

    impl Exporter for Lines {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("lines", "Lines.").merging();
            &ABOUT
        }
        fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
            self.0.refuses(item)
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            writeln!(out, "{}", item.value)
        }
    }

    fn lines(coverage: Coverage, kind: IndicatorType, values: &[&str]) -> (Vec<String>, ExportCounts) {
        let mut out = Vec::new();
        let mut items = values.iter().map(|value| Indicator::new(kind, value));
        let exported = coverage.export(&Lines(coverage), &FeedInfo::new(kind, ""), &mut items, &mut out);
        let lines = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        (lines, exported.unwrap())
    }

    #[test]
    fn names_below_a_listed_one_are_counted_and_not_written() {
        let names = ["a.b.evil.example", "evil.example", "notevil.example", "x.evil.example"];
        let (written, exported) = lines(Coverage::USUAL, IndicatorType::Domain, &names);
        assert_eq!(written, ["evil.example", "notevil.example"]);
        assert_eq!((exported.written, exported.quarantined), (4, 0));
    }

    #[test]
    fn a_consumer_of_exact_names_gets_all_of_them() {
        let coverage = Coverage {
            names_below: false,
            ..Coverage::USUAL
        };
        let names = ["evil.example", "x.evil.example"];
        assert_eq!(lines(coverage, IndicatorType::Hostname, &names).0, names);
    }

    #[test]
    fn a_name_that_is_spelt_in_another_way_is_quarantined() {
        let names = ["Evil.example", "a b.example", "b\u{fc}cher.example", "evil.example."];
        let (written, exported) = lines(Coverage::USUAL, IndicatorType::Domain, &names);
        assert_eq!((written.len(), exported.quarantined), (0, 4));
    }

    #[test]
    fn a_tree_of_both_families_gets_no_ipv6_network_around_the_ipv4_addresses() {
        let coverage = Coverage {
            one_tree: true,
            min_prefix: 1,
            ..Coverage::USUAL
        };
        let networks = [
            "0.0.0.0/0",
            "::/0",
            "::ffff:0:0/96",
            "::/80",
            "::ffff:192.0.2.0/120",
            "8000::/1",
        ];
        let (written, exported) = lines(coverage, IndicatorType::Ip, &networks);
        assert_eq!((exported.written, exported.quarantined), (3, 3));
        assert_eq!(written, ["0.0.0.0/1", "128.0.0.0/1", "8000::/1"]);
        assert_eq!(lines(Coverage::USUAL, IndicatorType::Ip, &networks).1.quarantined, 0);
    }
}
