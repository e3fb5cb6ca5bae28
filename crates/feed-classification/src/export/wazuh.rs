//! `wazuh`: a CDB list of Wazuh.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason};
use crate::{AddressSet, Indicator, IndicatorType, TypeSet, network_of};

const ACCEPTS: TypeSet = TypeSet::ALL
    .without(TypeSet::RULES)
    .without(TypeSet::of(&[IndicatorType::Cidr6]));

/// One `key:value` per line, LF: the indicator, and its type as the value.
///
/// - A key with a colon (URLs, IPv6 addresses) is between quotes. Wazuh takes the first pair of quotes in a line for
///   the key and knows no escape for them, so values with a quote are left out.
/// - Networks of IPv4 are keys of one to three octets with a dot at the end (`10.1.`), which the lookups
///   `address_match_key…` compare with the beginning of an address. A network that ends inside of an octet is written
///   as the networks or addresses that it consists of, at most 128 for each. Networks are merged first, because keys
///   have to be unique.
/// - Networks of IPv6 have no form and are left out, and so is `0.0.0.0/0`.
/// - Addresses of IPv6 match logs with the same spelling only (RFC 5952).
///
/// Source: "Using CDB lists" in Wazuh's documentation (4.3 to 4.14), and `lists_make.c` of Wazuh 4.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wazuh;

impl Wazuh {
    /// A network that no key stands for.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

impl Exporter for Wazuh {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "wazuh",
            "A CDB list of Wazuh: one key per line, with the type as its value.",
        )
        .extension("list")
        .accepts(ACCEPTS)
        .merging()
        .consumer("Wazuh (CDB lists)")
        .limits("No networks of IPv6.")
        .pull("A timer fetches the list and restarts the manager if it changed. Steps: `docs/recipes/wazuh.md`.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if !TypeSet::ADDRESSES.contains(item.kind) {
            return item.value.contains('"').then_some(QuarantineReason::UNREPRESENTABLE);
        }
        match network_of(item.value) {
            None => Some(QuarantineReason::UNREPRESENTABLE),
            Some(IpNet::V4(network)) if network.prefix_len() == 0 => Some(Self::NETWORK),
            Some(IpNet::V6(network)) if network.prefix_len() < 128 => Some(Self::NETWORK),
            Some(_) => None,
        }
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if TypeSet::ADDRESSES.contains(item.kind)
            && let Some(IpNet::V4(network)) = network_of(item.value)
        {
            return write_octets(network, item.kind, out);
        }
        let quote: &[u8] = if item.value.contains(':') { b"\"" } else { b"" };
        out.write_all(quote)?;
        out.write_all(item.value.as_bytes())?;
        out.write_all(quote)?;
        write_value(item.kind, out)
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let mut exported = ExportCounts::default();
        // The type of the feed, which all items have.
        let mut kind = IndicatorType::Ip;
        let mut networks: Vec<IpNet> = Vec::new();
        for item in items.filter(|item| ACCEPTS.contains(item.kind)) {
            if self.leaves_out(&item).is_some() {
                exported.quarantined += 1;
                continue;
            }
            exported.written += 1;
            match network_of(item.value).filter(|_| TypeSet::ADDRESSES.contains(item.kind)) {
                Some(network @ IpNet::V4(_)) => {
                    kind = item.kind;
                    networks.push(network);
                }
                _ => self.entry(&item, out)?,
            }
        }
        let addresses: AddressSet = networks.into_iter().collect();
        for network in addresses.networks_of_length(1) {
            if let IpNet::V4(network) = network {
                write_octets(network, kind, out)?;
            }
        }
        Ok(exported)
    }
}

/// Writes the keys that together are this network: whole octets, with a dot behind them if there are fewer than four.
fn write_octets(network: Ipv4Net, kind: IndicatorType, out: &mut dyn Write) -> io::Result<()> {
    let octets = network.prefix_len().div_ceil(8).max(1);
    let keys = 1_u32 << (octets * 8 - network.prefix_len());
    let step = 32 - u32::from(octets) * 8;
    let first = network.network().to_bits();
    for key in 0..keys {
        let [a, b, c, d] = Ipv4Addr::from_bits(first | (key << step)).octets();
        match octets {
            1 => write!(out, "{a}.")?,
            2 => write!(out, "{a}.{b}.")?,
            3 => write!(out, "{a}.{b}.{c}.")?,
            _ => write!(out, "{a}.{b}.{c}.{d}")?,
        }
        write_value(kind, out)?;
    }
    Ok(())
}

fn write_value(kind: IndicatorType, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b":")?;
    out.write_all(kind.as_str().as_bytes())?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::{IndicatorType, write_octets};

    fn keys(network: &str) -> Vec<String> {
        let mut out = Vec::new();
        write_octets(network.parse().unwrap(), IndicatorType::Ip, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .map(|line| line.strip_suffix(":ip").unwrap().to_owned())
            .collect()
    }

    #[test]
    fn networks_become_whole_octets() {
        assert_eq!(keys("10.0.0.0/8"), ["10."]);
        assert_eq!(keys("10.1.0.0/16"), ["10.1."]);
        assert_eq!(keys("10.1.2.0/24"), ["10.1.2."]);
        assert_eq!(keys("10.1.2.3/32"), ["10.1.2.3"]);
        assert_eq!(keys("10.2.0.0/15"), ["10.2.", "10.3."]);
        assert_eq!(keys("10.1.2.4/31"), ["10.1.2.4", "10.1.2.5"]);
        assert_eq!(keys("128.0.0.0/1").len(), 128);
        assert_eq!(
            keys("255.255.255.128/25").last().map(String::as_str),
            Some("255.255.255.255")
        );
    }
}
