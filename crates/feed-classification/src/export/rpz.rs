//! `rpz`: a response policy zone, for name servers that answer "no such name".

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, ExportOption, Exporter, FeedInfo, Options, QuarantineReason};
use crate::{Indicator, TypeSet, network_of};

const COVERAGE: Coverage = Coverage {
    min_prefix: 1,
    one_tree: true,
    ..Coverage::USUAL
};

/// How many of the 255 octets of a name are kept for the name of the zone, which only the server's configuration knows.
const ZONE_OCTETS: usize = 64;

/// The longest name that still fits with `*.` before it and the zone behind it; three octets are lengths of labels.
const MAX_NAME: usize = 255 - ZONE_OCTETS - 3;

const ACTION: &str = "action";

/// What a server does with a match, in the words of the option.
const ACTIONS: [&str; 4] = ["nxdomain", "nodata", "passthru", "drop"];

/// The names that the entries point to for each action. All entries of a zone have one of them: two different ones for
/// a name would make a server refuse the whole zone.
const POLICIES: [&str; 4] = [".", "*.", "rpz-passthru.", "rpz-drop."];

const OPTIONS: &[ExportOption] = &[ExportOption::word(
    ACTION,
    "What a server does with a listed name or address: answers that the name does not exist, answers without a \
     record, answers as without the zone, or does not answer.",
    &ACTIONS,
)];

/// A zone in which every listed name and every name below it gives NXDOMAIN, and so does every answer with a listed
/// address; or what else the option `action` says.
///
/// - Owners are relative, so the zone may have any name; absolute ones are "out of zone" and ignored.
/// - Names below another listed name are not written. Its parent's wildcard covers it, and more: names that are in a
///   zone hide the wildcard above them, and so do the names between (`y.evil.example`, where `x.y.evil.example` is
///   listed as well).
/// - Every entry has the same policy, `CNAME .` by default.
/// - Addresses are merged and masked, since BIND drops triggers with host bits, and `/0`, which it does not know, is
///   written as halves. BIND keeps IPv4 addresses in one tree with IPv6, as `::ffff:0:0/96`, and would block every
///   address for `::/0`: IPv6 networks around that block are left out.
/// - The serial is the second in which the values last changed ([`FeedInfo::changed_at`]): it rises with every change,
///   which secondaries need, and stays where nothing changed, which keeps the bytes the same.
/// - The refresh of the SOA, 300 seconds, is how often Unbound asks again; it expires after 30 days.
///
/// Left out are names under a top-level domain that begins with `rpz-` (a server would read `32.1.2.0.192.rpz-ip` as an
/// address to block), and names that are too long together with a zone name of 64 octets.
///
/// Source: draft-vixie-dnsop-dns-rpz, the chapters on response policy zones of BIND 9.18 and of `unbound.conf(5)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rpz {
    /// The name that every entry points to.
    policy: &'static str,
}

impl Rpz {
    pub(crate) const NXDOMAIN: Self = Self { policy: POLICIES[0] };

    const RESERVED: QuarantineReason = QuarantineReason::because("reserved_name");
    const TOO_LONG: QuarantineReason = QuarantineReason::because("name_too_long");
}

impl Exporter for Rpz {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "rpz",
            "A response policy zone for Unbound, BIND, PowerDNS and Knot: listed names do not exist.",
        )
        .consumer("Unbound, BIND, PowerDNS Recursor, Knot Resolver")
        .limits(
            "Names of more than 188 characters and names under a top-level domain that begins with `rpz-` are \
             left out.",
        )
        .pull(
            "Unbound: `url:` in an `rpz:` clause; it sends no header, so the token goes into the path: \
             `/t/TOKEN/v1/…`. BIND: `curl -fsS -H \"token: $TOKEN\" -o block.zone URL && rndc reload ZONE`.",
        )
        .content_type("text/dns; charset=utf-8")
        .extension("zone")
        .version(2)
        .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES))
        .merging()
        .dated()
        .options(OPTIONS);
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        let policy = POLICIES.get(options.place(ACTION))?;
        Some(Arc::new(Self { policy }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if let Some(reason) = COVERAGE.refuses(item) {
            return Some(reason);
        }
        let top = item.value.rsplit('.').next().unwrap_or_default();
        if !TypeSet::NAMES.contains(item.kind) {
            None
        } else if top.starts_with("rpz-") {
            Some(Self::RESERVED)
        } else if item.value.len() > MAX_NAME {
            Some(Self::TOO_LONG)
        } else {
            None
        }
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        let serial = serial(feed);
        write!(
            out,
            "$TTL 300\n@ SOA localhost. nobody.invalid. {serial} 300 60 2592000 60\n@ NS localhost.\n"
        )
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if TypeSet::NAMES.contains(item.kind) {
            return write!(out, "{0} CNAME {1}\n*.{0} CNAME {1}\n", item.value, self.policy);
        }
        match network_of(item.value) {
            Some(network) => self.trigger(network, out),
            None => Ok(()),
        }
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        COVERAGE.export(self, feed, items, out)
    }
}

impl Rpz {
    /// The prefix length, the address from its end, and `rpz-ip`.
    fn trigger(&self, network: IpNet, out: &mut dyn Write) -> io::Result<()> {
        let prefix = network.prefix_len();
        let address = match network {
            IpNet::V4(network) => v4_from_its_end(network.network()),
            IpNet::V6(network) => v6_from_its_end(network.network()),
        };
        writeln!(out, "{prefix}.{address}.rpz-ip CNAME {}", self.policy)
    }
}

/// Serials are compared in a circle of 32 bits (RFC 1982), so the seconds may run over.
fn serial(feed: &FeedInfo<'_>) -> u32 {
    let second = feed.changed_at.map_or(1, jiff::Timestamp::as_second);
    u32::try_from(second.rem_euclid(1 << 32)).unwrap_or(1)
}

fn v4_from_its_end(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}")
}

/// Groups in hexadecimal; the first of the longest runs of two and more zeros is `zz`, as `::` in RFC 5952.
fn v6_from_its_end(address: Ipv6Addr) -> String {
    let groups = address.segments();
    let zeros_from = |start: usize| groups.iter().skip(start).take_while(|group| **group == 0).count();
    let longest = (0..groups.len()).map(zeros_from).max().filter(|length| *length > 1);
    let start = longest.and_then(|length| (0..groups.len()).find(|start| zeros_from(*start) == length));
    let run = start.unwrap_or(usize::MAX)..start.unwrap_or(usize::MAX).saturating_add(longest.unwrap_or(0));
    let labels: Vec<String> = groups
        .iter()
        .enumerate()
        .filter(|(place, _)| Some(*place) == start || !run.contains(place))
        .map(|(place, group)| {
            if Some(place) == start {
                "zz".to_owned()
            } else {
                format!("{group:x}")
            }
        })
        .rev()
        .collect();
    labels.join(".")
}

#[cfg(test)]
mod tests {
    use super::v6_from_its_end;

    #[test]
    fn ipv6_is_written_from_its_end_with_one_zz() {
        for (address, expected) in [
            ("::", "zz"),
            ("::1", "1.zz"),
            ("2001:db8::1", "1.zz.db8.2001"),
            ("2001:db8:0:1::", "zz.1.0.db8.2001"),
            ("2001:0:0:1:0:0:0:1", "1.zz.1.0.0.2001"),
            ("2001:0:0:1:0:0:1:1", "1.1.0.0.1.zz.2001"),
            ("1:0:2:3:4:5:6:7", "7.6.5.4.3.2.0.1"),
        ] {
            assert_eq!(v6_from_its_end(address.parse().unwrap()), expected, "{address}");
        }
    }
}
