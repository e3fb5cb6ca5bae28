//! `adguard`: rules of AdGuard Home and of blockers that read the same rules.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options};
use crate::{Indicator, TypeSet};

const ACTION: &str = "action";

const OPTIONS: &[ExportOption] = &[ExportOption::word(
    ACTION,
    "What AdGuard Home does with a listed name: what its own setting says, answers that it does not exist, answers \
     without a record, or refuses. All but the first are for AdGuard Home 0.107.3 and later only.",
    &["block", "nxdomain", "nodata", "refused"],
)];

/// The end of a rule, for each word of the option `action` in order.
const MODIFIERS: [&str; 4] = [
    "",
    "$dnsrewrite=NXDOMAIN;;",
    "$dnsrewrite=NOERROR;;",
    "$dnsrewrite=REFUSED;;",
];

/// One rule per name: `||evil.example^`, which stands for the name and all names below it. With an `action` there is a
/// modifier behind it, `$dnsrewrite=NXDOMAIN;;`, which other blockers do not know.
///
/// A rule without the bars and the caret would stand for the one name only. `!` begins a comment, and the first one
/// gives the list its title. Source: the page "DNS filtering rules syntax" of AdGuard's knowledge base, and issue 4133
/// of AdGuard Home for the empty answer. Newer versions of Pi-hole read the rules without a modifier too.
pub(crate) const ADGUARD: CoveredList = CoveredList::new(
    About::new(
        "adguard",
        "Rules for AdGuard Home and other blockers: listed names and names below them are blocked.",
    )
    .consumer("AdGuard Home, Pi-hole from version 6, and other blockers of names")
    .limits("With an `action` the rules are for AdGuard Home 0.107.3 and later only.")
    .pull(
        "A DNS blocklist (AdGuard Home) or a subscribed list (Pi-hole) with the URL; they send no header, so the \
         token goes into the path: `/t/TOKEN/v1/…`. Steps: `docs/recipes/resolvers.md`.",
    )
    .accepts(TypeSet::NAMES)
    .merging()
    .options(OPTIONS),
    Coverage::USUAL,
    entry,
)
.head("! Title: Cratos\n");

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let modifier = MODIFIERS.get(options.place(ACTION)).unwrap_or(&MODIFIERS[0]);
    writeln!(out, "||{}^{modifier}", item.value)
}
