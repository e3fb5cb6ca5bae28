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
        .consumer("Cisco Secure Firewall Management Center (Security Intelligence)")
        .limits("A feed has at most 500 MB. A name covers the names below it.")
        .pull(
            "Objects > Security Intelligence: one feed for each of network, DNS and URL. The token goes into the \
             path: `/t/TOKEN/v1/…`. Steps: `docs/recipes/cisco-fmc.md`.",
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
