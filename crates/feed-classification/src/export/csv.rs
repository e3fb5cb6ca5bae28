//! `csv`: two columns, for databases, scripts and spreadsheets.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, FeedInfo, Multiline, about, escape};

/// A header line `type,value`, then one record per value, as in RFC 4180: CRLF at the end of each, quotes where a field
/// needs them.
///
/// **Formulas.** A spreadsheet that opens the file runs values which begin with `=`, `+`, `-`, `@` or TAB as formulas,
/// quoted or not. The usual remedies either change the value (an apostrophe in front) or lose it. Programs need exactly
/// the value and a list must not have holes, so the value is written as it is; the guide says how to import the file
/// into a spreadsheet as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Csv;

impl Exporter for Csv {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("csv", "Two columns, type and value, as in RFC 4180 with a header line.")
            .consumer("Scripts, databases and spreadsheets")
            .limits(
                "A spreadsheet runs a value that begins with `=`, `+`, `-` or `@` as a formula: import the column as \
                 text. Steps: `docs/recipes/files.md`.",
            )
            .pull(about::ANY_CLIENT)
            .content_type("text/csv; charset=utf-8")
            .extension("csv")
            .multiline(Multiline::Escaped)
            .writing_every_value();
        &ABOUT
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"type,value\r\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(item.kind.as_str().as_bytes())?;
        out.write_all(b",")?;
        escape::csv_field(item.value, out)?;
        out.write_all(b"\r\n")
    }
}
