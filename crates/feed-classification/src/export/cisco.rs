//! `cisco`: lists for Security Intelligence of Cisco's firewalls.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::txt::{LINES_OF_RULES, Txt, VALUES_WITH_CRLF};
use crate::export::{About, Exporter};

/// The bytes of `txt`, under the name that Cratos FastAPI has for Cisco's firewalls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cisco;

impl Exporter for Cisco {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "cisco",
            "One value per line, for Security Intelligence of Cisco firewalls.",
        )
        .writes(VALUES_WITH_CRLF)
        .multiline(LINES_OF_RULES);
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        Txt.entry(item, out)
    }

    fn separator(&self) -> &'static str {
        Txt.separator()
    }
}
