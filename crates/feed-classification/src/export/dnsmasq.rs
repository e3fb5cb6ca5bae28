//! `dnsmasq`: a file of servers, for dnsmasq.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, TypeSet};

/// One line per name: `server=/evil.example/`. dnsmasq then answers "no such name" for the name and all names below it,
/// and asks no other server.
///
/// Of all files of names, dnsmasq reads only `servers-file` (and hosts files) again when it gets SIGHUP. That file may
/// have lines of `server=` and nothing else, which is why the lines are not the shorter `local=/evil.example/` and not
/// `address=/evil.example/#`. The same file works in `conf-dir`, with a restart for each change.
///
/// dnsmasq itself checks little: it also accepts spaces, empty labels and names of a thousand characters, and then
/// never matches them. So the check of each name is here. Checked with dnsmasq 2.90; its manual, `dnsmasq(8)`,
/// describes `--server` and `--servers-file`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dnsmasq;

impl Exporter for Dnsmasq {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "dnsmasq",
            "A servers-file for dnsmasq: listed names and names below them do not exist.",
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
        notice::write(out)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "server=/{}/", item.value)
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
