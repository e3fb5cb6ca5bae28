//! `yaml`: one list.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, FeedInfo, Multiline, about, escape};

/// One document with one list, an item a line, every item a string to every parser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yaml;

impl Exporter for Yaml {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("yaml", "One YAML list of strings.")
            .consumer("Scripts and programs that read YAML")
            .limits("A reader has to hold the whole list.")
            .pull(about::ANY_CLIENT)
            .extension("yaml")
            .multiline(Multiline::Escaped)
            .writing_every_value();
        &ABOUT
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"---\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"- ")?;
        escape::yaml_str(item.value, out)?;
        out.write_all(b"\n")
    }

    fn empty(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"--- []\n")
    }
}
