//! `cratosd` with one more output: `privoxy`, an actions file for the web proxy Privoxy.

use std::io::{self, Write};
use std::process::ExitCode;

use feed_classification::{About, Exporter, FeedInfo, Indicator, TypeSet};

/// Blocks requests for the listed names and the names below them.
#[derive(Debug)]
struct Privoxy;

impl Exporter for Privoxy {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("privoxy", "An actions file for Privoxy: listed names are blocked")
            .extension("action")
            .accepts(TypeSet::NAMES);
        &ABOUT
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{+block{Listed in MISP}}\n")
    }

    /// The dot in front stands for the name itself and every name below it.
    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, ".{}", item.value)
    }
}

fn main() -> ExitCode {
    cratosd::Program::new().exporter(Privoxy).main(std::env::args_os())
}

#[cfg(test)]
mod tests {
    use super::Privoxy;
    use feed_classification::export::testkit::{check, check_million};

    #[test]
    fn privoxy_passes_the_battery() {
        check(&Privoxy);
        check_million(&Privoxy);
    }
}
