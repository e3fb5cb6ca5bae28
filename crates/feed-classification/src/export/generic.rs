//! `generic`: a plain list, as most devices expect it.

use std::io::{self, Write};

use crate::export::{About, Exporter, QuarantineReason};
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generic;

impl Exporter for Generic {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "generic",
            "One value per line with LF, for devices and programs that read plain lists.",
        )
        .accepts(TypeSet::ALL.without(TypeSet::RULES));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let is_swallowed = item.value.is_empty() || item.value.starts_with(['#', '\u{feff}']);
        is_swallowed.then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(item.value.as_bytes())?;
        out.write_all(b"\n")
    }
}
