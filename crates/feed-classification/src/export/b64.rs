//! `b64`: one value per line, each in base64.

use std::io::{self, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::Indicator;
use crate::export::{About, Exporter, Multiline, about};

/// One value per line in base64 (standard alphabet, with padding), CRLF between the lines. So a text of several lines
/// is one line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct B64;

impl Exporter for B64 {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("b64", "One value per line, each in base64.")
            .consumer("Scripts that need values of several lines or with any character")
            .limits("A line has one value, with the padding of base64.")
            .pull(about::ANY_CLIENT)
            .extension("b64")
            .multiline(Multiline::Escaped)
            .writing_every_value();
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", Base64Display::new(item.value.as_bytes(), &STANDARD))
    }

    fn separator(&self) -> &'static str {
        "\r\n"
    }
}
