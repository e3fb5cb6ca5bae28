//! `txt`: one value per line.

use std::io::{self, Write};

use crate::export::{About, Exporter, Quarantined, escape};
use crate::{Indicator, TypeSet};

/// What the bytes are called that this exporter writes, and others that are read like it.
pub(super) const VALUES_WITH_CRLF: &str = "values-crlf";

/// One value per line, CRLF between the lines and none at the end; an empty feed is no byte at all.
///
/// A value with a line break would read as two values and is left out. Rules are whole texts and may have many lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Txt;

impl Exporter for Txt {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("txt", "One value per line.").writes(VALUES_WITH_CRLF);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<Quarantined> {
        (!TypeSet::RULES.contains(item.kind) && escape::has_line_break(item.value)).then_some(Quarantined::LINE_BREAK)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(item.value.as_bytes())
    }

    fn separator(&self) -> &'static str {
        "\r\n"
    }
}
