//! A daemon with an output and a source of its own: `cratosd` in all other respects, from `serve` to `token mint
//! --output wazuh-cdb`.
//!
//! The source is the file `domains.txt` in the working directory: one domain a line.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use feed_classification::{About, Exporter, Extractor, Indicator, IndicatorSetBuilder, IndicatorType, TypeSet};
use feed_engine::{Errand, FeedContents, FeedError, FeedScope, GatherFuture, IndicatorSource, Upstream};

/// A CDB list of Wazuh: a name and a colon on each line.
#[derive(Debug)]
struct WazuhCdb;

impl Exporter for WazuhCdb {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("wazuh-cdb", "A CDB list of Wazuh with host names.").accepts(TypeSet::NAMES);
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}:", item.value)
    }
}

/// A text file with a domain on each line.
#[derive(Debug)]
struct DomainFile(PathBuf);

impl IndicatorSource for DomainFile {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let path = self.0.clone();
        Box::pin(async move {
            let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(path));
            let text = reading.await.map_err(FeedError::source)?.map_err(FeedError::source)?;
            let mut domains = IndicatorSetBuilder::new(scope.kind);
            let lines = text.lines().filter(|_| scope.kind == IndicatorType::Domain);
            for line in lines {
                // A line that is not a domain is left out.
                let _ = Extractor::new(scope.kind).extract("domain", line, &mut |domain| domains.push(domain));
            }
            Ok(FeedContents::from(domains.finish()))
        })
    }
}

pub(crate) fn program() -> cratosd::Program {
    cratosd::Program::new()
        .exporter(WazuhCdb)
        .source(DomainFile("domains.txt".into()))
}

fn main() -> ExitCode {
    program().main(std::env::args_os())
}
