//! `nginx`: lines for a `map` or a `geo` block of nginx.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, TypeSet};

const COVERAGE: Coverage = Coverage {
    min_prefix: 1,
    ..Coverage::USUAL
};

/// One line per entry, which sets the variable of the block to 1, for example `.evil.example 1;`.
///
/// - **Names** are for `map $host $listed { hostnames; include FILE; }`. The dot in front lets a name stand for all
///   names below it. Names below a listed one are not written; a name twice, or the same one with `*.`, would stop
///   nginx. Long names need `map_hash_bucket_size 512` in the same configuration: the default has room for about 40
///   characters.
/// - **Networks** are for `geo $listed { default 0; include FILE; }`. They are merged, and `/0` is written as its
///   halves, since the default of the block is the same entry.
///
/// URLs are left out: nginx compares keys of a `map` without regard to case, and paths differ in it. An empty feed is a
/// comment, which a block may include. Checked with nginx 1.22.1; its documentation describes the modules `map` and
/// `geo`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nginx;

impl Exporter for Nginx {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "nginx",
            "Lines that a block of nginx includes: map with hostnames for names, geo for networks.",
        )
        .extension("conf")
        .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES))
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        COVERAGE.refuses(item)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        notice::write(out)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let dot = if TypeSet::NAMES.contains(item.kind) { "." } else { "" };
        writeln!(out, "{dot}{} 1;", item.value)
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        COVERAGE.export(self, feed, items, out)
    }
}
