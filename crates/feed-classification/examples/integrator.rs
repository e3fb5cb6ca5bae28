//! An exporter of another crate: it implements the trait, passes the tests of the testkit, and is registered with the
//! built-in ones.
//!
//! ```sh
//! cargo run -p cratos-feed-classification --example integrator
//! ```

use std::io::{self, Write};

use feed_classification::{
    About, Exporter, FeedInfo, Indicator, IndicatorSet, IndicatorType, QuarantineReason, Registry, TypeSet,
};

/// A hosts file that sends every name to nowhere.
#[derive(Debug)]
struct HostsFile;

impl Exporter for HostsFile {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("hosts-file", "A hosts file that sends every name to 0.0.0.0.")
            .accepts(TypeSet::NAMES)
            .titled();
        &ABOUT
    }

    /// A name with an underscore is no host name, and some resolvers refuse the whole file for one.
    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        item.value
            .contains('_')
            .then_some(QuarantineReason::because("underscore"))
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "# {}", feed.name)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "0.0.0.0 {}", item.value)
    }
}

fn main() -> io::Result<()> {
    let registry = Registry::builtin().with(HostsFile);
    let set = IndicatorSet::of(IndicatorType::Domain, ["b.example", "a.example", "_dmarc.example"]);
    let feed = FeedInfo::new(set.kind(), "block-domain-1w");

    let mut out = io::stdout().lock();
    for name in ["hosts-file", "json"] {
        let Some(exporter) = registry.by_name(name) else {
            continue;
        };
        let exported = exporter.export(&feed, &mut set.indicators(), &mut out)?;
        writeln!(
            out,
            "\n{name}: {} written, {} left out\n",
            exported.written, exported.quarantined
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::HostsFile;

    #[test]
    fn hosts_file_passes_the_battery() {
        feed_classification::export::testkit::check(&HostsFile);
        feed_classification::export::testkit::check_million(&HostsFile);
    }
}
