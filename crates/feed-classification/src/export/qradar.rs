//! `qradar`: the body that fills a reference set of IBM QRadar.

use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

/// A JSON array of strings, one per line, for `POST /api/reference_data/sets/bulk_load/NAME`.
///
/// The API rather than a file for its import page: there a comma separates elements, and IBM documents no escape for
/// one. All elements of a reference set have one type, and addresses and networks have different ones (`IP`, `CIDR`),
/// so networks are left out of a feed of both (`ip`); `cidr4` and `cidr6` have them.
///
/// Source: QRadar's API 13.1 to 15.0, and "Creating reference data collections with the APIs" in IBM's documentation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Qradar;

impl Qradar {
    /// A reference set of addresses takes single ones only.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

impl Exporter for Qradar {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "qradar",
            "A JSON array of strings, for the call bulk_load of IBM QRadar's reference sets.",
        )
        .content_type("application/json")
        .extension("json")
        .accepts(TypeSet::ALL.without(TypeSet::RULES))
        .consumer("IBM QRadar (reference sets)")
        .limits("A set of the type IP takes no networks.")
        .pull("A script sends the body to `bulk_load`. Steps: `docs/recipes/qradar.md`.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let is_network = item.kind == IndicatorType::Ip && item.value.contains('/');
        is_network.then_some(Self::NETWORK)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        escape::json_str(item.value, out)
    }

    fn separator(&self) -> &'static str {
        ",\n"
    }

    fn footer(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n]\n")
    }

    fn empty(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[]\n")
    }
}
