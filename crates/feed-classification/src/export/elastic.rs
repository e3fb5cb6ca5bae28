//! `elastic`: documents for an indicator index of Elastic.

use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

/// Elasticsearch does not index a longer `keyword` of the ECS templates (`ignore_above`), so it would never match.
const MAX_KEYWORD: usize = 1024;

const FILE_NAMES: TypeSet = TypeSet::of(&[IndicatorType::Filename, IndicatorType::EmailAttachment]);

const ACCEPTS: TypeSet = TypeSet::NAMES.union(FILE_NAMES).union(TypeSet::of(&[
    IndicatorType::Ipv4,
    IndicatorType::Ipv4Ext,
    IndicatorType::Ipv6,
    IndicatorType::Ipv6Ext,
    IndicatorType::Ip,
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::Imphash,
    IndicatorType::EmailAddress,
]));

/// One document of the Elastic Common Schema per line (`threat.indicator.*`, `event.kind: enrichment`), LF.
///
/// - `threat.feed.name` is the feed's title.
/// - There is no `@timestamp`: it would be the time of a download or of the feed's last change, and neither is a fact
///   about the indicator. The shipper or an ingest pipeline sets it to the time of reading, which is when the value was
///   on the list.
/// - Networks are left out, because the field type `ip` takes none, and a document with one would be refused.
/// - File names of more than 1 024 characters are left out, because Elasticsearch would not index them.
///
/// Source: the field sets `threat` and `event` of ECS 8.11.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elastic;

impl Elastic {
    /// A field of the type `ip` takes single addresses only.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
    const TOO_LONG: QuarantineReason = QuarantineReason::because("keyword_too_long");
}

const HEAD: &[u8] = br#"{"ecs":{"version":"8.11.0"},"event":{"kind":"enrichment","category":["threat"],"type":["indicator"]},"threat":{"feed":{"name":"#;

/// Returns the value of `threat.indicator.type`, and the text on both sides of the value in its own field.
fn field(item: &Indicator<'_>) -> (&'static str, &'static str, &'static str) {
    match item.kind {
        IndicatorType::Domain | IndicatorType::Hostname => ("domain-name", r#""url":{"domain":"#, "}"),
        IndicatorType::Url => ("url", r#""url":{"full":"#, "}"),
        IndicatorType::FileMd5 => ("file", r#""file":{"hash":{"md5":"#, "}}"),
        IndicatorType::FileSha1 => ("file", r#""file":{"hash":{"sha1":"#, "}}"),
        IndicatorType::FileSha256 => ("file", r#""file":{"hash":{"sha256":"#, "}}"),
        IndicatorType::Imphash => ("file", r#""file":{"pe":{"imphash":"#, "}}"),
        IndicatorType::Filename | IndicatorType::EmailAttachment => ("file", r#""file":{"name":"#, "}"),
        IndicatorType::EmailAddress => ("email-addr", r#""email":{"address":"#, "}"),
        _ if item.value.contains(':') => ("ipv6-addr", r#""ip":"#, ""),
        _ => ("ipv4-addr", r#""ip":"#, ""),
    }
}

impl Exporter for Elastic {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "elastic",
            "Documents of the Elastic Common Schema (threat.indicator), one per line, for an indicator index of \
             Elastic.",
        )
        .content_type("application/x-ndjson")
        .extension("ndjson")
        .accepts(ACCEPTS)
        .titled()
        .consumer("Elastic Security")
        .limits("The field for addresses takes no networks.")
        .pull("Filebeat or a script sends the documents into an index of your own. Steps: `docs/recipes/elastic.md`.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind == IndicatorType::Ip && item.value.contains('/') {
            return Some(Self::NETWORK);
        }
        let is_too_long = FILE_NAMES.contains(item.kind) && item.value.chars().count() > MAX_KEYWORD;
        is_too_long.then_some(Self::TOO_LONG)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry_of(&FeedInfo::new(item.kind, ""), item, out)
    }

    fn entry_of(&self, feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (kind, before, after) = field(item);
        out.write_all(HEAD)?;
        escape::json_str(feed.name, out)?;
        out.write_all(br#"},"indicator":{"type":""#)?;
        out.write_all(kind.as_bytes())?;
        out.write_all(br#"","name":"#)?;
        escape::json_str(item.value, out)?;
        out.write_all(b",")?;
        out.write_all(before.as_bytes())?;
        escape::json_str(item.value, out)?;
        out.write_all(after.as_bytes())?;
        out.write_all(b"}}}\n")
    }
}
