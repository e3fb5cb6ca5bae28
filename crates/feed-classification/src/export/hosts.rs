//! `hosts`: a hosts file, for systems and resolvers that read one.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options};
use crate::{Indicator, TypeSet};

const ADDRESS: &str = "address";

/// No program can connect to it, on any system.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

const OPTIONS: &[ExportOption] = &[ExportOption::address(
    ADDRESS,
    "The address that listed names get, for example of a page that explains.",
    Some(NOWHERE),
)];

/// A hosts file has no wildcard: a line stands for this one name. So names below another listed name are written too.
const COVERAGE: Coverage = Coverage {
    names_below: false,
    ..Coverage::USUAL
};

/// One line per name: `0.0.0.0 evil.example`, or the address that the option says.
///
/// The usual address is the one to which no program can connect. `127.0.0.1` would lead to what listens on the machine
/// itself. Checked with dnsmasq 2.90 (`addn-hosts`); Linux's `hosts(5)` describes the lines.
pub(crate) const HOSTS: CoveredList = CoveredList::new(
    About::new(
        "hosts",
        "A hosts file, for systems, dnsmasq, Pi-hole and other blockers: 0.0.0.0 and a name per line.",
    )
    .consumer("Systems with a hosts file, dnsmasq, Pi-hole and other blockers of names")
    .limits("A line stands for one name, not for the names below it. Systems read the whole file for each question.")
    .pull(
        "Pi-hole and other blockers fetch the URL with the token in the path: `/t/TOKEN/v1/…`. Elsewhere a timer \
         replaces the file, and curl sends the token in a header. Steps: `docs/recipes/resolvers.md`.",
    )
    .accepts(TypeSet::NAMES)
    .options(OPTIONS),
    COVERAGE,
    entry,
);

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", options.address(ADDRESS).unwrap_or(NOWHERE), item.value)
}
