//! `adguard`: rules of AdGuard Home and of blockers that read the same rules.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason};
use crate::{Indicator, TypeSet};

/// One rule per name: `||evil.example^`, which stands for the name and all names below it.
///
/// A rule without the bars and the caret would stand for the one name only. `!` begins a comment, and the first one
/// gives the list its title. Source: the page "DNS filtering rules syntax" of AdGuard's knowledge base. Newer versions
/// of Pi-hole read such rules too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdGuard;

impl Exporter for AdGuard {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "adguard",
            "Rules for AdGuard Home and other blockers: listed names and names below them are blocked.",
        )
        .accepts(TypeSet::NAMES)
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Coverage::USUAL.refuses(item)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"! Title: Cratos\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "||{}^", item.value)
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        Coverage::USUAL.export(self, feed, items, out)
    }
}
