//! `openioc`: an OpenIOC 1.1 document.

use std::io::{self, Write};

use crate::export::name_uuid::NameUuid;
use crate::export::{About, Exporter, FeedInfo, QuarantineReason, about, escape};
use crate::{Indicator, IndicatorType, TypeSet};

const ACCEPTS: TypeSet = TypeSet::NAMES.union(TypeSet::of(&[
    IndicatorType::Ipv4,
    IndicatorType::Ipv4Ext,
    IndicatorType::Ipv6,
    IndicatorType::Ipv6Ext,
    IndicatorType::Ip,
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::Filename,
    IndicatorType::EmailAddress,
    IndicatorType::EmailSubject,
    IndicatorType::EmailAttachment,
    IndicatorType::UserAgent,
]));

/// One document for the feed: an `OR` with one item per value, an item per line.
///
/// The terms are those of Mandiant's list for OpenIOC 1.1, for example `PortItem/remoteIP` and `FileItem/Md5sum`. The
/// condition is `is`. Case counts for URLs, subjects and user agents. Ids are UUIDv5 in the namespace of [`NameUuid`]:
/// that of an item follows from its term and its value, that of the document from type and title of the feed. All
/// dates are the time of the feed's last change.
///
/// Networks are left out, because no term takes one, and so are characters that XML cannot hold.
///
/// Source: `ioc.xsd` and `current.iocterms` in <https://github.com/fireeye/OpenIOC_1.1>.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Openioc;

impl Openioc {
    /// No term of OpenIOC takes a network.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

/// A term: its item and path, the type of its content, and whether case counts.
struct Term {
    document: &'static str,
    search: &'static str,
    content: &'static str,
    preserves_case: bool,
}

impl Term {
    const fn of(kind: IndicatorType) -> Self {
        let (document, search, content, preserves_case) = match kind {
            IndicatorType::Domain | IndicatorType::Hostname => ("DnsEntryItem", "DnsEntryItem/Host", "string", false),
            IndicatorType::Url => ("UrlHistoryItem", "UrlHistoryItem/URL", "string", true),
            IndicatorType::FileMd5 => ("FileItem", "FileItem/Md5sum", "md5", false),
            IndicatorType::FileSha1 => ("FileItem", "FileItem/Sha1sum", "sha1", false),
            IndicatorType::FileSha256 => ("FileItem", "FileItem/Sha256sum", "sha256", false),
            IndicatorType::Filename => ("FileItem", "FileItem/FileName", "string", false),
            IndicatorType::EmailAddress => ("Email", "Email/From", "string", false),
            IndicatorType::EmailSubject => ("Email", "Email/Subject", "string", true),
            IndicatorType::EmailAttachment => ("Email", "Email/Attachment/Name", "string", false),
            IndicatorType::UserAgent => ("Network", "Network/UserAgent", "string", true),
            _ => ("PortItem", "PortItem/remoteIP", "IP", false),
        };
        Self {
            document,
            search,
            content,
            preserves_case,
        }
    }
}

impl Exporter for Openioc {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("openioc", "An OpenIOC 1.1 document with one item per value.")
            .consumer("Programs that read OpenIOC 1.1")
            .limits("No term takes a network, so networks are left out.")
            .pull(about::ANY_CLIENT)
            .content_type("application/xml; charset=utf-8")
            .extension("ioc")
            .accepts(ACCEPTS)
            .titled()
            .dated();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind == IndicatorType::Ip && item.value.contains('/') {
            return Some(Self::NETWORK);
        }
        (!escape::is_xml_text(item.value)).then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        let id = |part| NameUuid::of(&["openioc:", part, ":", feed.kind.as_str(), ":", feed.name]);
        let changed_at = feed.changed_at.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let changed_at = format!("{changed_at:.0}");
        out.write_all(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OpenIOC xmlns=\"http://openioc.org/schemas/OpenIOC_1.1\" id=\"",
        )?;
        out.write_all(id("document").as_bytes())?;
        write!(
            out,
            "\" last-modified=\"{changed_at}\" published-date=\"{changed_at}\">\n<metadata>\n<short_description>"
        )?;
        escape::xml_text(feed.name, out)?;
        write!(
            out,
            "</short_description>\n<authored_by>Cratos</authored_by>\n<authored_date>{changed_at}</authored_date>\n</metadata>\n\
             <criteria>\n<Indicator id=\""
        )?;
        out.write_all(id("criteria").as_bytes())?;
        out.write_all(b"\" operator=\"OR\">\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let term = Term::of(item.kind);
        out.write_all(b"<IndicatorItem id=\"")?;
        out.write_all(NameUuid::of(&[term.search, ":", item.value]).as_bytes())?;
        write!(
            out,
            "\" condition=\"is\" preserve-case=\"{}\" negate=\"false\"><Context document=\"{}\" search=\"{}\" type=\"mir\"/>\
             <Content type=\"{}\">",
            term.preserves_case, term.document, term.search, term.content
        )?;
        escape::xml_text(item.value, out)?;
        out.write_all(b"</Content></IndicatorItem>\n")
    }

    fn footer(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"</Indicator>\n</criteria>\n</OpenIOC>\n")
    }
}
