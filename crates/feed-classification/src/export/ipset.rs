//! `ipset`: a file for `ipset restore` that replaces the addresses of named sets.

use std::io::{self, Write};

use ipnet::IpNet;

use crate::export::address_file::AddressFile;
use crate::export::{About, ExportOption, Options, TextForm, addresses};
use crate::{AddressSet, IndicatorType, TypeSet};

/// The most entries of a set. The number costs no memory and never changes: `create -exist` refuses an existing set
/// with another number, so a number per feed would stop the first feed that grows.
const MAX_ENTRIES: u32 = 1 << 24;

const LIST: &str = "list";
const TTL: &str = "ttl";

/// The name of a set has at most 31 characters; five of them are the digit of the family and `-new`.
const OPTIONS: &[ExportOption] = &[
    ExportOption::text(
        LIST,
        "The name of the sets, which the digit of the family follows: cratos is cratos4 and cratos6.",
        "cratos",
        TextForm::up_to(26).also("_-").letter_first(),
    ),
    ExportOption::number(
        TTL,
        "Seconds after which the kernel removes an entry that was not loaded again; 0 keeps it until the next file.",
        0,
        addresses::TTL_SECONDS,
    ),
];

/// Replaces the sets `cratos4` and `cratos6`, both `hash:net`; `iptables` rules that name them are the host's own.
///
/// Entries go into a set beside the one in use, and the two are swapped at the end: rules see the old or the new
/// entries, never a part of them, and an error on the way leaves the old. A file that was cut off before leaves a set
/// behind that the next one empties. The families are two sets and swap one after the other. Only the sets of the
/// feed's families are touched, so two feeds of one family each do not erase each other.
///
/// Networks are merged, which also makes them unique (a second one would end the run), and `/0`, which a `hash:net`
/// cannot hold, is written as its halves.
///
/// With a `ttl` each entry has a time-out. `create -exist` refuses a set that exists without time-outs, and the other
/// way round; the old entries stay then.
///
/// Checked with ipset 7.17; its manual, `ipset(8)`, describes the commands.
#[derive(Debug, Clone)]
pub(crate) struct Ipset {
    list: String,
    ttl: u64,
}

impl AddressFile for Ipset {
    const ABOUT: &'static About = &About::new(
        "ipset",
        "A file for ipset restore that replaces the sets cratos4 and cratos6 of the type hash:net.",
    )
    .consumer("Linux hosts with ipset and iptables")
    .limits(
        "A set is made for 16 777 216 entries. A file with a `ttl` fails at sets that were made without one, \
         and the other way round.",
    )
    .pull(
        "A timer runs `curl -fsS -H \"token: $TOKEN\" -o block.ipset URL && ipset restore < block.ipset`. Rules name \
         the sets.",
    )
    .extension("ipset")
    .accepts(TypeSet::ADDRESSES)
    .merging()
    .options(OPTIONS);

    fn of(options: &Options) -> Self {
        Self {
            list: options.text(LIST).to_owned(),
            ttl: options.number(TTL),
        }
    }

    /// A network of one address is written as the address, as `ipset list` shows it.
    fn entry(&self, network: IpNet, out: &mut dyn Write) -> io::Result<()> {
        let Self { list, ttl } = self;
        let digit = match network {
            IpNet::V4(_) => '4',
            IpNet::V6(_) => '6',
        };
        write!(out, "add {list}{digit}-new {}", network.addr())?;
        if network.prefix_len() != network.max_prefix_len() {
            write!(out, "/{}", network.prefix_len())?;
        }
        match ttl {
            0 => writeln!(out),
            ttl => writeln!(out, " timeout {ttl}"),
        }
    }

    fn file(&self, kind: IndicatorType, addresses: &AddressSet, out: &mut dyn Write) -> io::Result<()> {
        let Self { list, ttl } = self;
        let v4 = addresses::can_be_v4(kind).then_some(("4", "inet"));
        let v6 = addresses::can_be_v6(kind).then_some(("6", "inet6"));
        let sets = || v4.iter().chain(&v6);
        // Zero is the time-out of entries that name none. What counts is that the set takes time-outs.
        let timeouts = if *ttl == 0 { "" } else { " timeout 0" };
        for (digit, family) in sets() {
            for set in [format!("{list}{digit}"), format!("{list}{digit}-new")] {
                writeln!(
                    out,
                    "create {set} hash:net family {family} maxelem {MAX_ENTRIES}{timeouts} -exist"
                )?;
            }
            writeln!(out, "flush {list}{digit}-new")?;
        }
        addresses
            .networks_of_length(1)
            .try_for_each(|network| self.entry(network, out))?;
        for (digit, _) in sets() {
            writeln!(out, "swap {list}{digit}-new {list}{digit}\ndestroy {list}{digit}-new")?;
        }
        Ok(())
    }
}
