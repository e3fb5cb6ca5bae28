//! `dnsmasq`: a file of servers, for dnsmasq.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options};
use crate::{Indicator, TypeSet};

const ACTION: &str = "action";
const ADDRESS: &str = "address";

const OPTIONS: &[ExportOption] = &[
    ExportOption::word(
        ACTION,
        "What dnsmasq answers for a listed name: that it does not exist, or the addresses 0.0.0.0 and ::.",
        &["nxdomain", "null"],
    ),
    ExportOption::address(
        ADDRESS,
        "The address that it answers instead, for example of a page that explains.",
        None,
    ),
];

/// One line per name: `server=/evil.example/`. dnsmasq then answers "no such name" for the name and all names below it,
/// and asks no other server.
///
/// Of all files of names, dnsmasq reads only `servers-file` (and hosts files) again when it gets SIGHUP. That file may
/// have lines of `server=` and nothing else, which is why the lines are not the shorter `local=/evil.example/` and not
/// `address=/evil.example/#`. The same file works in `conf-dir`, with a restart for each change. With an option a
/// line `address=/evil.example/#` or `address=/evil.example/192.0.2.1` follows, so that file works in `conf-dir` only.
/// Without the first line dnsmasq would pass questions for other records on to its servers.
///
/// dnsmasq itself checks little: it also accepts spaces, empty labels and names of a thousand characters, and then
/// never matches them. So the check of each name is here. Checked with dnsmasq 2.90; its manual, `dnsmasq(8)`,
/// describes `--server`, `--address` and `--servers-file`.
pub(crate) const DNSMASQ: CoveredList = CoveredList::new(
    About::new(
        "dnsmasq",
        "A servers-file for dnsmasq: listed names and names below them do not exist.",
    )
    .consumer("dnsmasq")
    .limits("With an option the file is one for `conf-dir`, and each change needs a restart.")
    .pull(
        "cratos-agent or a timer replaces the `servers-file` and sends SIGHUP; curl sends the token in a header. \
         Steps: `docs/recipes/resolvers.md`.",
    )
    .extension("conf")
    .accepts(TypeSet::NAMES)
    .merging()
    .options(OPTIONS),
    Coverage::USUAL,
    entry,
);

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let name = item.value;
    writeln!(out, "server=/{name}/")?;
    match options.address(ADDRESS) {
        Some(address) => writeln!(out, "address=/{name}/{address}"),
        None if options.word(ACTION) == "null" => writeln!(out, "address=/{name}/#"),
        None => Ok(()),
    }
}
