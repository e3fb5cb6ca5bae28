//! `json`: one array of strings.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, FeedInfo, Multiline, about, escape};

/// One array of strings in plain ASCII, `", "` between them: the bytes of Python's `json.dumps`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json;

impl Exporter for Json {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("json", "One JSON array of strings.")
            .consumer("Scripts and programs that read JSON")
            .limits("A reader has to hold the whole array; `jsonl` needs one line at a time.")
            .pull(about::ANY_CLIENT)
            .content_type("application/json")
            .extension("json")
            .multiline(Multiline::Escaped)
            .writing_every_value();
        &ABOUT
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        escape::json_str(item.value, out)
    }

    fn separator(&self) -> &'static str {
        ", "
    }

    fn footer(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"]")
    }
}
