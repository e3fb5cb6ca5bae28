//! `xml`: one element per value.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, FeedInfo, Multiline, QuarantineReason, about, escape};

/// `<entry>` per value inside an element named after the indicator type.
///
/// The first line names the encoding `UTF-8`. Cratos FastAPI writes `utf8`, which no registry knows and strict parsers
/// refuse; other parsers treat the two alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Xml;

const DECLARATION: &str = "<?xml version='1.0' encoding='UTF-8'?>";

impl Exporter for Xml {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("xml", "One XML element per value.")
            .consumer("Scripts and programs that read XML")
            .limits("Values with a character that XML 1.0 does not have are left out.")
            .pull(about::ANY_CLIENT)
            .content_type("text/xml; charset=utf-8")
            .extension("xml")
            .multiline(Multiline::Escaped);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        (!escape::is_xml_text(item.value)).then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{DECLARATION}\n<{}>", feed.kind)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"<entry>")?;
        escape::xml_text(item.value, out)?;
        out.write_all(b"</entry>")
    }

    fn footer(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "</{}>", feed.kind)
    }

    fn empty(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{DECLARATION}\n<{} />", feed.kind)
    }
}
