//! `pfsense`: aliases of the type "URL table (IPs)" of pfSense.

use crate::TypeSet;
use crate::export::plain_list::PlainList;
use crate::export::{About, addresses};

/// One address or network per line, LF; an empty feed has no bytes.
///
/// All tables together have to fit twice into "Firewall Maximum Table Entries" (400 000 unless it is set, so about 200
/// 000 entries). Above that the rules do not load at all.
///
/// Source: "URL Table Aliases" and "Alias Sizing Concerns" in the pfSense documentation. How pfSense takes a list
/// without a byte is not documented there.
pub(crate) const PFSENSE: PlainList = PlainList::new(
    About::new(
        "pfsense",
        "One address or network per line, for an alias of pfSense of the type URL table.",
    )
    .consumer("pfSense (URL table aliases)")
    .limits(
        "All tables together fit into about half of Firewall Maximum Table Entries, 400 000 by default; above \
         that the rules may fail to load.",
    )
    .pull(
        "An alias of the type URL Table (IPs) with the token in the path: `/t/TOKEN/v1/…`. Steps: \
         `docs/recipes/pfsense.md`.",
    )
    .accepts(TypeSet::ADDRESSES)
    .writes(addresses::LINES),
)
.refusing(addresses::refuses);
