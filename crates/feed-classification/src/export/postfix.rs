//! `postfix`: tables for the access checks of Postfix.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, notice};
use crate::{Indicator, IndicatorType, TypeSet};

/// One line per entry, a key and `REJECT`.
///
/// - **Names** and **e-mail addresses** are a table that `postmap` indexes (`hash:`, `lmdb:`, `texthash:`), for
///   `check_sender_access`, `check_helo_access` or `check_client_access`. A name has two lines, `evil.example` and
///   `.evil.example`: the setting `parent_domain_matches_subdomains` decides which of the two Postfix looks up for the
///   names below it.
/// - **Networks** are a table `cidr:`, which Postfix reads as it is. They are merged and have no host bits, since
///   Postfix skips a line with some.
///
/// E-mail addresses that begin with `#` are left out: that is a comment. Postfix folds keys to lower case, as values
/// are here. Checked with Postfix 3.7.11; its manuals `access(5)` and `cidr_table(5)` describe the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postfix;

impl Exporter for Postfix {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "postfix",
            "An access table of Postfix: postmap for names and e-mail addresses, cidr: for networks.",
        )
        .accepts(
            TypeSet::ADDRESSES
                .union(TypeSet::NAMES)
                .union(TypeSet::of(&[IndicatorType::EmailAddress])),
        )
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind == IndicatorType::EmailAddress && !is_key(item.value) {
            return Some(QuarantineReason::UNREPRESENTABLE);
        }
        Coverage::USUAL.refuses(item)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        notice::write(out)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if TypeSet::NAMES.contains(item.kind) {
            return write!(out, "{0} REJECT\n.{0} REJECT\n", item.value);
        }
        writeln!(out, "{} REJECT", item.value)
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        Coverage::USUAL.export(self, feed, items, out)
    }
}

/// Returns whether Postfix reads an e-mail address as one key: white space ends a key, a quote begins a quoted one, and
/// `#` a comment.
fn is_key(address: &str) -> bool {
    !address.starts_with('#')
        && !address.contains(|char: char| char == '"' || char.is_whitespace() || char.is_control())
}
