//! `unbound`: local zones, for a configuration file of Unbound.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options};
use crate::{Indicator, TypeSet};

const ACTION: &str = "action";
const ADDRESS: &str = "address";

/// The words of the option.
const ACTIONS: [&str; 5] = ["nxdomain", "nodata", "null", "refused", "drop"];

/// The type of the zones for each word.
const ZONE_TYPES: [&str; 5] = [
    "always_nxdomain",
    "always_nodata",
    "always_null",
    "always_refuse",
    "always_deny",
];

const OPTIONS: &[ExportOption] = &[
    ExportOption::word(
        ACTION,
        "What Unbound does with a listed name: answers that it does not exist, answers without a record, answers \
         0.0.0.0 and ::, refuses, or does not answer.",
        &ACTIONS,
    ),
    ExportOption::address(
        ADDRESS,
        "The address that it answers instead, for example of a page that explains.",
        None,
    ),
];

/// One line per name: `local-zone: "evil.example." always_nxdomain`. Unbound then answers "no such name" for the name
/// and all names below it, or does what else the option `action` says. With an `address` there are two lines per name,
/// a zone of the type `redirect` and its record.
///
/// The file begins with `server:`, so it may be included at any place of the configuration, also behind another clause;
/// a clause may occur more than once. It needs no module. `rpz` is the better choice where Unbound may fetch by itself:
/// it then takes changes without a reload, and addresses too.
///
/// Checked with Unbound 1.17.1; `unbound.conf(5)` describes `local-zone` and its types.
pub(crate) const UNBOUND: CoveredList = CoveredList::new(
    About::new(
        "unbound",
        "A file that unbound.conf includes: listed names and names below them do not exist.",
    )
    .consumer("Unbound")
    .limits("Unbound before 1.13 does not know all actions, and does not start with a file that has an unknown one.")
    .pull(
        "cratos-agent or a timer replaces the file and reloads Unbound; curl sends the token in a header. \
         Unbound itself fetches `rpz`. Steps: `docs/recipes/resolvers.md`.",
    )
    .extension("conf")
    .accepts(TypeSet::NAMES)
    .merging()
    .options(OPTIONS),
    Coverage::USUAL,
    entry,
)
.head("# Written by cratosd. The next fetch replaces this file.\nserver:\n");

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let name = item.value;
    if let Some(address) = options.address(ADDRESS) {
        let record = match address {
            IpAddr::V4(_) => "A",
            IpAddr::V6(_) => "AAAA",
        };
        return write!(
            out,
            "local-zone: \"{name}.\" redirect\nlocal-data: \"{name}. 300 IN {record} {address}\"\n"
        );
    }
    let zone_type = ZONE_TYPES.get(options.place(ACTION)).unwrap_or(&ZONE_TYPES[0]);
    writeln!(out, "local-zone: \"{name}.\" {zone_type}")
}
