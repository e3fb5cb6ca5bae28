//! `txt`: one value per line.

use std::io::{self, Write};

use crate::export::{About, Exporter, Multiline, about};
use crate::{Indicator, TypeSet};

/// The name of the bytes that `txt` and `cisco` write; see [`About::bytes`].
pub(super) const VALUES_WITH_CRLF: &str = "values-crlf";

/// The values of several lines that `txt` and its relatives write.
pub(super) const LINES_OF_RULES: Multiline = Multiline::Verbatim(TypeSet::RULES);

/// One value per line, CRLF between the lines and none at the end; an empty feed has no bytes.
///
/// A value with a line break would read as two values and is left out. Rules are written unchanged, with all their
/// lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Txt;

impl Exporter for Txt {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("txt", "One value per line.")
            .consumer("Scripts and devices that read plain lists, as they read the lists of Cratos FastAPI")
            .limits("A value with a line break is left out, except for rules, which have several lines.")
            .pull(about::ANY_CLIENT)
            .writes(VALUES_WITH_CRLF)
            .multiline(LINES_OF_RULES);
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(item.value.as_bytes())
    }

    fn separator(&self) -> &'static str {
        "\r\n"
    }
}
