//! `defender`: the import file for indicators of Microsoft Defender for Endpoint.

use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason, escape};
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

/// A header line with the columns of the portal, then one record per value, LF.
///
/// The action is `Audit`, which blocks nothing. `title` is the feed's title. There is no `expirationTime`: it would
/// have to move with the clock. MD5 is left out, because the import file does not have it among its types, and networks
/// are left out, because Defender takes single addresses only.
///
/// The portal takes 500 records in one file.
///
/// Source: "Manage indicators" in Microsoft's documentation of Defender for Endpoint (2024-10-28).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defender;

impl Defender {
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
        .titled();
        &ABOUT
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
        out.write_all(b",,Audit,Medium,")?;
        escape::csv_field(feed.name, out)?;
        out.write_all(b",Indicator from MISP,,,,,\n")
    }
}
