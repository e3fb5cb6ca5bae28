//! `generic`: a plain list, as most devices expect it.

use crate::export::plain_list::PlainList;
use crate::export::{About, QuarantineReason, about};
use crate::{Indicator, TypeSet};

/// One value per line, every line with its LF, without comments and blank lines; an empty feed has no bytes.
///
/// The empty feed has no marker: readers that take a comment line or a sentinel address for "nothing" do not agree on
/// one, and some of them (OPNsense) look every unknown word up in the DNS. A device that treats an empty list as a
/// fault keeps its old one.
///
/// Values that readers of lists would misread are left out: those with a line break, those that begin with `#` (a
/// comment), and those that begin with a byte order mark, which readers swallow. Rules are texts of many lines and do
/// not fit into a list.
pub(crate) const GENERIC: PlainList = PlainList::new(
    About::new(
        "generic",
        "One value per line with LF, for devices and programs that read plain lists.",
    )
    .consumer("Devices and programs that read plain lists")
    .limits(
        "Values that begin with `#`, and those with a line break, are left out. An empty feed has no byte, \
         which some devices take for a failed transfer.",
    )
    .pull(about::ANY_CLIENT)
    .accepts(TypeSet::ALL.without(TypeSet::RULES)),
)
.refusing(swallowed);

fn swallowed(item: &Indicator<'_>) -> Option<QuarantineReason> {
    let is_swallowed = item.value.is_empty() || item.value.starts_with(['#', '\u{feff}']);
    is_swallowed.then_some(QuarantineReason::UNREPRESENTABLE)
}
