//! `splunk`: lookup files of Splunk Enterprise Security.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::{About, ExportOption, Exporter, FeedInfo, Options, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

const WEIGHT: &str = "weight";

/// The default is that of Splunk ES, which takes 1 to 100.
const OPTIONS: &[ExportOption] = &[ExportOption::number(
    WEIGHT,
    "How much a match adds to the risk score in Splunk.",
    60,
    1..=100,
)];

const ACCEPTS: TypeSet = TypeSet::ADDRESSES.union(TypeSet::NAMES).union(TypeSet::of(&[
    IndicatorType::Url,
    IndicatorType::UserAgent,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::Filename,
    IndicatorType::EmailAddress,
    IndicatorType::EmailAttachment,
    IndicatorType::EmailSubject,
]));

/// The local lookup of the type (`local_ip_intel`, `local_domain_intel`, `local_http_intel`, `local_file_intel`,
/// `local_email_intel`): its header, then one record per value, LF.
///
/// `description` is the feed's title and `weight` is 60 or that of the option; columns for which cratosd knows nothing
/// are empty. An empty feed is the header alone, which empties the lookup. Values with `*` are left out: the lookups of
/// Splunk ES match with wildcards, so such an entry would find values that nobody listed.
///
/// Source: "Supported types of threat intelligence" in the manual of Splunk ES (5.1 to 7.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Splunk {
    weight: u64,
}

impl Splunk {
    pub(crate) const USUAL: Self = Self { weight: 60 };

    /// The value holds a character that the consumer takes for any text.
    const WILDCARD: QuarantineReason = QuarantineReason::because("wildcard");
}

/// A lookup: its columns, and the empty ones on both sides of the value.
struct Lookup {
    header: &'static str,
    before: &'static str,
    after: &'static str,
}

impl Lookup {
    const fn of(kind: IndicatorType) -> Self {
        let (header, before, after) = match kind {
            IndicatorType::Domain | IndicatorType::Hostname => ("description,domain,weight\n", ",", ","),
            IndicatorType::Url => (HTTP, ",,,", ","),
            IndicatorType::UserAgent => (HTTP, ",,", ",,"),
            IndicatorType::FileMd5 | IndicatorType::FileSha1 | IndicatorType::FileSha256 => (FILE, ",", ",,"),
            IndicatorType::Filename | IndicatorType::EmailAttachment => (FILE, ",,", ","),
            IndicatorType::EmailAddress => (EMAIL, ",", ",,"),
            IndicatorType::EmailSubject => (EMAIL, ",,", ","),
            _ => ("description,ip,weight\n", ",", ","),
        };
        Self { header, before, after }
    }
}

const HTTP: &str = "description,http_referrer,http_user_agent,url,weight\n";
const FILE: &str = "description,file_hash,file_name,weight\n";
const EMAIL: &str = "description,src_user,subject,weight\n";

impl Exporter for Splunk {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "splunk",
            "A lookup of Splunk Enterprise Security: the CSV of ip_intel, domain_intel, http_intel, file_intel or \
             email_intel.",
        )
        .content_type("text/csv; charset=utf-8")
        .extension("csv")
        .version(2)
        .accepts(ACCEPTS)
        .titled()
        .options(OPTIONS)
        .consumer("Splunk Enterprise Security")
        .limits("Values with `*` are left out: the lookups match with wildcards.")
        .pull("A threat intelligence download with a stored credential (Basic). Steps: `docs/recipes/splunk-es.md`.");
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        Some(Arc::new(Self {
            weight: options.number(WEIGHT),
        }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        item.value.contains('*').then_some(Self::WILDCARD)
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(Lookup::of(feed.kind).header.as_bytes())
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry_of(&FeedInfo::new(item.kind, ""), item, out)
    }

    fn entry_of(&self, feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let lookup = Lookup::of(item.kind);
        escape::csv_field(feed.name, out)?;
        out.write_all(lookup.before.as_bytes())?;
        escape::csv_field(item.value, out)?;
        out.write_all(lookup.after.as_bytes())?;
        writeln!(out, "{}", self.weight)
    }
}
