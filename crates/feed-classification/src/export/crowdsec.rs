//! `crowdsec`: decisions for `cscli decisions import`.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::{About, ExportOption, Exporter, FeedInfo, Options, QuarantineReason, escape};
use crate::{Indicator, TypeSet, network_of};

const HOURS: &str = "hours";
const ACTION: &str = "action";

const OPTIONS: &[ExportOption] = &[
    ExportOption::number(HOURS, "How many hours a decision lasts.", 24, 1..=8_760),
    ExportOption::word(
        ACTION,
        "What bouncers do with a listed address.",
        &["ban", "captcha", "throttle"],
    ),
];

/// A header line, then one decision per address or network, LF: a ban of 24 hours unless the options say otherwise,
/// with the feed's title as its reason.
///
/// The scope of an address is `Ip` and that of a network is `Range`. An import adds decisions and takes none away: a
/// value that is no longer in the feed stays banned until its time is over, so the duration should be a little longer
/// than the time between two imports. `cscli` ends with an error for a file without decisions, as it has to be for an
/// empty feed, and changes nothing.
///
/// Source: `cscli decisions import --help` and `import.go` of CrowdSec 1.4 to 1.7.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowdsec {
    hours: u64,
    action: &'static str,
}

impl Crowdsec {
    pub(crate) const BAN: Self = Self {
        hours: 24,
        action: "ban",
    };
}

impl Exporter for Crowdsec {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "crowdsec",
            "Decisions in CSV for cscli decisions import: a ban of 24 hours for each address and network.",
        )
        .content_type("text/csv; charset=utf-8")
        .extension("csv")
        .accepts(TypeSet::ADDRESSES)
        .titled()
        .options(OPTIONS)
        .consumer("CrowdSec")
        .limits("An import of an empty list fails and changes nothing.")
        .pull("A timer fetches the file and runs `cscli decisions import`. Steps: `docs/recipes/crowdsec.md`.");
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        let (hours, action) = (options.number(HOURS), options.word(ACTION));
        Some(Arc::new(Self { hours, action }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        network_of(item.value)
            .is_none()
            .then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"duration,reason,scope,type,value\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry_of(&FeedInfo::new(item.kind, ""), item, out)
    }

    fn entry_of(&self, feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let scope = if item.value.contains('/') { ",Range" } else { ",Ip" };
        write!(out, "{}h,", self.hours)?;
        escape::csv_field(feed.name, out)?;
        out.write_all(scope.as_bytes())?;
        write!(out, ",{},", self.action)?;
        out.write_all(item.value.as_bytes())?;
        out.write_all(b"\n")
    }
}
