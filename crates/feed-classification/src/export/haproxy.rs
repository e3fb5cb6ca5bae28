//! `haproxy`: files of patterns for the access lists of HAProxy.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::sent_url::{self, SentUrl};
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, IndicatorType, TypeSet};

const COVERAGE: Coverage = Coverage {
    names_below: false,
    one_tree: true,
    ..Coverage::USUAL
};

/// The longest pattern. HAProxy reads a line into a buffer of 16 384 bytes and silently takes the rest of a longer line
/// for another pattern; a request has to fit into such a buffer too.
const MAX_URL: usize = 15_000;

/// One pattern per line, for `acl listed … -f FILE`: names, networks, or URLs without their scheme.
///
/// - **Names** are plain and may stand below another listed name, so that both an exact comparison and one of each
///   parent (`field(-1,.,2)`, `field(-1,.,3)`, …) find them in HAProxy's index. `-m dom` also matches in the middle of
///   a name: `evil.example` in `evil.example.good.test`.
/// - **Networks** are merged. HAProxy refuses the whole configuration for one pattern that is not an address. It
///   compares an IPv4 address also as `::ffff:…` with the IPv6 networks, so networks around that block are left out.
/// - **URLs** are host, port if it is not the default one, path and query, for a comparison with
///   `req.hdr(host),lower,concat(,txn.page)`. HAProxy sees no scheme.
///
/// A comment stands on a line of its own. An empty list matches nothing. Checked with HAProxy 2.6.12; its configuration
/// manual describes the files in the chapter on ACLs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HaProxy;

impl Exporter for HaProxy {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "haproxy",
            "A file of patterns for an acl of HAProxy (-f FILE): names, networks, or URLs without their scheme.",
        )
        .extension("acl")
        .accepts(
            TypeSet::ADDRESSES
                .union(TypeSet::NAMES)
                .union(TypeSet::of(&[IndicatorType::Url])),
        )
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind != IndicatorType::Url {
            return COVERAGE.refuses(item);
        }
        pattern(item.value).err()
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        notice::write(out)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if item.kind != IndicatorType::Url {
            return writeln!(out, "{}", item.value);
        }
        pattern(item.value).map_or(Ok(()), |pattern| writeln!(out, "{pattern}"))
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        if feed.kind == IndicatorType::Url {
            return sent_url::export(self, feed, items, |item| pattern(item.value), out);
        }
        COVERAGE.export(self, feed, items, out)
    }
}

/// Returns the pattern for a URL.
fn pattern(value: &str) -> Result<String, QuarantineReason> {
    let pattern = SentUrl::of(value)?.without_scheme();
    if pattern.len() > MAX_URL {
        return Err(sent_url::TOO_LONG);
    }
    Ok(pattern)
}
