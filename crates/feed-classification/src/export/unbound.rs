//! `unbound`: local zones, for a configuration file of Unbound.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, TypeSet};

/// One line per name: `local-zone: "evil.example." always_nxdomain`. Unbound then answers "no such name" for the name
/// and all names below it.
///
/// The file begins with `server:`, so it may be included at any place of the configuration, also behind another clause;
/// a clause may occur more than once. It needs no module. `rpz` is the better choice where Unbound may fetch by itself:
/// it then takes changes without a reload, and addresses too.
///
/// Checked with Unbound 1.17.1; `unbound.conf(5)` describes `local-zone` and its types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unbound;

impl Exporter for Unbound {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "unbound",
            "A file that unbound.conf includes: listed names and names below them do not exist.",
        )
        .extension("conf")
        .accepts(TypeSet::NAMES)
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Coverage::USUAL.refuses(item)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        notice::write(out)?;
        out.write_all(b"server:\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "local-zone: \"{}.\" always_nxdomain", item.value)
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
