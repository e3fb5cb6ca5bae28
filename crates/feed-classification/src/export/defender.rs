//! `defender`: the import file for indicators of Microsoft Defender for Endpoint.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::{About, ExportOption, Exporter, FeedInfo, Options, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

const ACCEPTS: TypeSet = TypeSet::NAMES.union(TypeSet::of(&[
    IndicatorType::Ipv4,
    IndicatorType::Ipv4Ext,
    IndicatorType::Ipv6,
    IndicatorType::Ipv6Ext,
    IndicatorType::Ip,
    IndicatorType::Url,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
]));

const ACTION: &str = "action";
const SEVERITY: &str = "severity";

/// The words of the options and those of the file, in one order. `BlockAndRemediate` is not among them: with it, the
/// portal refuses names, addresses and URLs.
const ACTIONS: [&str; 3] = ["audit", "warn", "block"];
const ACTION_CELLS: [&str; 3] = ["Audit", "Warn", "Block"];
const SEVERITIES: [&str; 4] = ["medium", "informational", "low", "high"];
const SEVERITY_CELLS: [&str; 4] = ["Medium", "Informational", "Low", "High"];

const OPTIONS: &[ExportOption] = &[
    ExportOption::word(ACTION, "What Defender does with a match.", &ACTIONS),
    ExportOption::word(SEVERITY, "The severity of the alert.", &SEVERITIES),
];

/// A header line with the columns of the portal, then one record per value, LF.
///
/// The action is `Audit`, which blocks nothing, unless the options say otherwise. `title` is the feed's title. There is
/// no `expirationTime`: it would have to move with the clock. MD5 is left out, because the import file does not have it
/// among its types, and networks are left out, because Defender takes single addresses only.
///
/// The portal takes 500 records in one file.
///
/// Source: "Manage indicators" in Microsoft's documentation of Defender for Endpoint (2024-10-28).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defender {
    action: &'static str,
    severity: &'static str,
}

impl Defender {
    pub(crate) const AUDIT: Self = Self {
        action: "Audit",
        severity: "Medium",
    };

    /// CIDR notation is not supported.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

const HEADER: &[u8] = b"indicatorType,indicatorValue,expirationTime,action,severity,title,description,\
recommendedActions,rbacGroups,category,mitretechniques,GenerateAlert\n";

impl Exporter for Defender {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "defender",
            "The CSV file that Microsoft Defender for Endpoint imports as indicators, with the action Audit.",
        )
        .content_type("text/csv; charset=utf-8")
        .extension("csv")
        .accepts(ACCEPTS)
        .titled()
        .options(OPTIONS)
        .consumer("Microsoft Defender for Endpoint")
        .limits("The portal imports 500 indicators at once and keeps 15 000 of a tenant. Single addresses only.")
        .pull(
            "Defender fetches nothing: import the file in the portal, or let a script send it to the API. Steps: \
             `docs/recipes/defender.md`.",
        );
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        Some(Arc::new(Self {
            action: ACTION_CELLS.get(options.place(ACTION))?,
            severity: SEVERITY_CELLS.get(options.place(SEVERITY))?,
        }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let is_network = item.kind == IndicatorType::Ip && item.value.contains('/');
        is_network.then_some(Self::NETWORK)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(HEADER)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry_of(&FeedInfo::new(item.kind, ""), item, out)
    }

    fn entry_of(&self, feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let kind = match item.kind {
            IndicatorType::Domain | IndicatorType::Hostname => "DomainName,",
            IndicatorType::Url => "Url,",
            IndicatorType::FileSha1 => "FileSha1,",
            IndicatorType::FileSha256 => "FileSha256,",
            _ => "IpAddress,",
        };
        out.write_all(kind.as_bytes())?;
        escape::csv_field(item.value, out)?;
        write!(out, ",,{},{},", self.action, self.severity)?;
        escape::csv_field(feed.name, out)?;
        out.write_all(b",Indicator from MISP,,,,,\n")
    }
}
