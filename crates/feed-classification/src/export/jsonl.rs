//! `jsonl`: one JSON object per line.

use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, Multiline, about, escape};

/// `{"type":"…","value":"…"}` and LF per value, plain ASCII, so that a reader needs no more than a line in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jsonl;

impl Exporter for Jsonl {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "jsonl",
            "One JSON object per line (JSON Lines), with the members type and value.",
        )
        .consumer("Log shippers and programs that read JSON line by line")
        .limits("Only LF ends a line.")
        .pull(about::ANY_CLIENT)
        .content_type("application/x-ndjson")
        .extension("jsonl")
        .multiline(Multiline::Escaped)
        .writing_every_value();
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{\"type\":\"")?;
        out.write_all(item.kind.as_str().as_bytes())?;
        out.write_all(b"\",\"value\":")?;
        escape::json_str(item.value, out)?;
        out.write_all(b"}\n")
    }
}
