//! `nftables`: a file for `nft -f` that replaces the addresses of named sets in one transaction.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::export::address_file::AddressFile;
use crate::export::{About, ExportOption, Options, TextForm, addresses};
use crate::{AddressSet, IndicatorType, TypeSet};

const LIST: &str = "list";
const TTL: &str = "ttl";

/// A set is named by a string of nft's grammar. Three characters are not `ip`, of which `ip6` would be a keyword, and
/// 31 with the digit of the family is what kernels before 4.14 take.
const OPTIONS: &[ExportOption] = &[
    ExportOption::text(
        LIST,
        "The name of the sets, which the digit of the family follows: blocked is blocked4 and blocked6.",
        "blocked",
        TextForm::up_to(30).at_least(3).also("_-").letter_first(),
    ),
    ExportOption::number(
        TTL,
        "Seconds after which the kernel removes an element that was not loaded again; 0 keeps it until the next file.",
        0,
        addresses::TTL_SECONDS,
    ),
];

/// Replaces the elements of the sets `blocked4` and `blocked6` of the table `inet cratos`; the host has its own rules
/// that name the sets.
///
/// `nft` applies a file as one transaction. No packet of 1.2 million passed whose address was in both lists, while 50
/// 000 addresses were replaced 30 times (nft 1.0.6, Linux 6.18); a transaction that also changes the *rules* lets some
/// pass. The file creates missing tables and sets, so the first run needs no preparation, and a rule may name either
/// set with a feed of any family. Only the sets of the feed's families are touched: an `ipv6` feed leaves the IPv4 set
/// alone, so that two feeds of one family each do not erase each other.
///
/// Ranges are merged here. Without that `nft` refuses the file ("conflicting intervals overlap"), and its own
/// `auto-merge` takes four times as long and as much memory. An empty set has no statement of elements, since `{ }` is
/// an error of syntax. Line ends are LF only; CRLF would be one too.
///
/// With a `ttl` each element has a time-out. The kernel takes them only in a set that was made for them, so a file with
/// a `ttl` fails as a whole at a set that was made without, and the other way round; the old elements stay then.
///
/// Checked with nft 1.0.6; its manual, `nft(8)`, describes the statements under SETS.
#[derive(Debug, Clone)]
pub(crate) struct Nftables {
    list: String,
    ttl: u64,
}

impl AddressFile for Nftables {
    const ABOUT: &'static About = &About::new(
        "nftables",
        "A file for nft -f that replaces the sets blocked4 and blocked6 of the table inet cratos.",
    )
    .consumer("Linux hosts with nftables")
    .limits("A file with a `ttl` fails at sets that were made without one, and the other way round.")
    .pull(
        "A timer runs `curl -fsS -H \"token: $TOKEN\" -o block.nft URL && nft -f block.nft`. Rules name the sets. \
         `cratos-agent` does the same with limits and a never-block list.",
    )
    .extension("nft")
    .accepts(TypeSet::ADDRESSES)
    .merging()
    .options(OPTIONS);

    fn of(options: &Options) -> Self {
        Self {
            list: options.text(LIST).to_owned(),
            ttl: options.number(TTL),
        }
    }

    fn entry(&self, network: IpNet, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{network},")
    }

    fn file(&self, kind: IndicatorType, addresses: &AddressSet, out: &mut dyn Write) -> io::Result<()> {
        let Self { list, ttl } = self;
        let flags = if *ttl == 0 { "interval" } else { "interval, timeout" };
        write!(
            out,
            "add table inet cratos\n\
             add set inet cratos {list}4 {{ type ipv4_addr; flags {flags}; }}\n\
             add set inet cratos {list}6 {{ type ipv6_addr; flags {flags}; }}\n",
        )?;
        if addresses::can_be_v4(kind) {
            writeln!(out, "flush set inet cratos {list}4")?;
        }
        if addresses::can_be_v6(kind) {
            writeln!(out, "flush set inet cratos {list}6")?;
        }
        self.write_elements("4", &mut addresses.v4_ranges().map(v4_element), out)?;
        self.write_elements("6", &mut addresses.v6_ranges().map(v6_element), out)
    }
}

impl Nftables {
    /// One statement per set: `nft` checks a set for overlaps once per statement, so many statements take many times as
    /// long.
    fn write_elements(
        &self,
        family: &str,
        elements: &mut dyn Iterator<Item = String>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut elements = elements.peekable();
        if elements.peek().is_none() {
            return Ok(());
        }
        writeln!(out, "add element inet cratos {}{family} {{", self.list)?;
        match self.ttl {
            0 => elements.try_for_each(|element| writeln!(out, "{element},"))?,
            ttl => elements.try_for_each(|element| writeln!(out, "{element} timeout {ttl}s,"))?,
        }
        out.write_all(b"}\n")
    }
}

fn v4_element(range: RangeInclusive<Ipv4Addr>) -> String {
    let (first, last) = range.into_inner();
    element(first, last, Ipv4Subnets::new(first, last, 0))
}

fn v6_element(range: RangeInclusive<Ipv6Addr>) -> String {
    let (first, last) = range.into_inner();
    element(first, last, Ipv6Subnets::new(first, last, 0))
}

/// An address, a network if the range is one, or both ends.
fn element<A: Display + PartialEq>(first: A, last: A, mut networks: impl Iterator<Item = impl Display>) -> String {
    if first == last {
        return first.to_string();
    }
    match (networks.next(), networks.next()) {
        (Some(network), None) => network.to_string(),
        _ => format!("{first}-{last}"),
    }
}
