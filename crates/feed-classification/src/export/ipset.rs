//! `ipset`: a file for `ipset restore` that replaces the addresses of named sets.

use std::io::{self, Write};

use ipnet::IpNet;

use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, addresses};
use crate::{Indicator, TypeSet, network_of};

/// The most entries of a set. The number costs no memory and never changes: `create -exist` refuses an existing set
/// with another number, so a number per feed would stop the first feed that grows.
const MAX_ENTRIES: u32 = 1 << 24;

/// Replaces the sets `cratos4` and `cratos6`, both `hash:net`; `iptables` rules that name them are the host's own.
///
/// Entries go into a set beside the one in use, and the two are swapped at the end: rules see the old or the new
/// entries, never a part of them, and an error on the way leaves the old. A file that was cut off before leaves a set
/// behind that the next one empties. The families are two sets and swap one after the other. Only the sets of the
/// feed's families are touched, so two feeds of one family each do not erase each other.
///
/// Networks are merged, which also makes them unique (a second one would end the run), and `/0`, which a `hash:net`
/// cannot hold, is written as its halves. Checked with ipset 7.17; its manual, `ipset(8)`, describes the commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ipset;

impl Exporter for Ipset {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "ipset",
            "A file for ipset restore that replaces the sets cratos4 and cratos6 of the type hash:net.",
        )
        .extension("ipset")
        .accepts(TypeSet::ADDRESSES)
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match network_of(item.value) {
            Some(network) => add(network, out),
            None => Ok(()),
        }
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let (addresses, exported) = addresses::collect(self, items);
        let v4 = addresses::can_be_v4(feed.kind).then_some(("cratos4", "inet"));
        let v6 = addresses::can_be_v6(feed.kind).then_some(("cratos6", "inet6"));
        let sets = || v4.iter().chain(&v6);
        for (name, family) in sets() {
            for set in [name, &*format!("{name}-new")] {
                writeln!(
                    out,
                    "create {set} hash:net family {family} maxelem {MAX_ENTRIES} -exist"
                )?;
            }
            writeln!(out, "flush {name}-new")?;
        }
        addresses
            .networks_of_length(1)
            .try_for_each(|network| add(network, out))?;
        for (name, _) in sets() {
            writeln!(out, "swap {name}-new {name}\ndestroy {name}-new")?;
        }
        Ok(exported)
    }
}

/// A network of one address is written as the address, as `ipset list` shows it.
fn add(network: IpNet, out: &mut dyn Write) -> io::Result<()> {
    let set = match network {
        IpNet::V4(_) => "cratos4-new",
        IpNet::V6(_) => "cratos6-new",
    };
    if network.prefix_len() == network.max_prefix_len() {
        writeln!(out, "add {set} {}", network.addr())
    } else {
        writeln!(out, "add {set} {network}")
    }
}
