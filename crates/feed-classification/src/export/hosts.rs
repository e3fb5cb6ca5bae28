//! `hosts`: a hosts file, for systems and resolvers that read one.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, TypeSet};

/// One line per name: `0.0.0.0 evil.example`.
///
/// The address is the one to which no program can connect, on any system. `127.0.0.1` would lead to what listens on the
/// machine itself.
///
/// A hosts file has no wildcard: a line stands for this one name. So names below another listed name are written too.
/// Checked with dnsmasq 2.90 (`addn-hosts`); Linux's `hosts(5)` describes the lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hosts;

impl Exporter for Hosts {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "hosts",
            "A hosts file, for systems, dnsmasq, Pi-hole and other blockers: 0.0.0.0 and a name per line.",
        )
        .accepts(TypeSet::NAMES);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Coverage::USUAL.refuses(item)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        notice::write(out)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "0.0.0.0 {}", item.value)
    }
}
