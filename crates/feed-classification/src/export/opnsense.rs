//! `opnsense`: aliases of the type "URL table (IPs)" of OPNsense.

use crate::TypeSet;
use crate::export::plain_list::PlainList;
use crate::export::{About, addresses};

/// One address or network per line, LF; an empty feed has no bytes.
///
/// OPNsense cuts each line at white space, `,`, `;`, `|` and `#`, reads a leading `!` as "not", and looks up in the DNS
/// what is no address: it would block whatever a listed name answers. So the list has addresses and networks only. An
/// answer of 200 without a byte empties the table, which is right for a feed without indicators. After any other status
/// OPNsense keeps the addresses that it has.
///
/// The addresses go into a table of `pf`, whose size is set under Firewall, Settings, Advanced.
///
/// Source: `scripts/filter/lib/alias/{base,uri}.py` of opnsense/core, August 2026.
pub(crate) const OPNSENSE: PlainList = PlainList::new(
    About::new(
        "opnsense",
        "One address or network per line, for an alias of OPNsense of the type URL table.",
    )
    .consumer("OPNsense (URL table aliases)")
    .limits("The size of all tables of pf: Firewall Maximum Table Entries.")
    .pull(
        "An alias of the type URL Table (IPs): the URL, and Basic, Bearer or a header with the token. An \
         empty list empties the table. Steps: `docs/recipes/opnsense.md`.",
    )
    .accepts(TypeSet::ADDRESSES)
    .writes(addresses::LINES),
)
.refusing(addresses::refuses);
