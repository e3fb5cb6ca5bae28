//! `postfix`: tables for the access checks of Postfix.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options, QuarantineReason};
use crate::{Indicator, IndicatorType, TypeSet};

const E_MAIL: TypeSet = TypeSet::of(&[IndicatorType::EmailAddress]);

const ACTION: &str = "action";

const OPTIONS: &[ExportOption] = &[ExportOption::word(
    ACTION,
    "What Postfix does with a match: refuses it for good or for now, takes the message and throws it away or holds \
     it, or only logs it.",
    &["reject", "defer", "discard", "hold", "warn"],
)];

/// The actions of `access(5)` for each word.
const ACTIONS: [&str; 5] = ["REJECT", "DEFER", "DISCARD", "HOLD", "WARN"];

/// One line per entry, a key and `REJECT`, or the `action` of the option.
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
pub(crate) const POSTFIX: CoveredList = CoveredList::new(
    About::new(
        "postfix",
        "An access table of Postfix: postmap for names and e-mail addresses, cidr: for networks.",
    )
    .consumer("Postfix")
    .limits("E-mail addresses that Postfix reads as a comment or as more than one key are left out.")
    .pull(
        "cratos-agent or a timer replaces the file and runs `postmap`, or `postfix reload` for networks; curl sends \
         the token in a header. Steps: `docs/recipes/mail.md`.",
    )
    .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES).union(E_MAIL))
    .merging()
    .options(OPTIONS),
    Coverage::USUAL,
    entry,
)
.refusing(|item| {
    let is_wrong = item.kind == IndicatorType::EmailAddress && !is_key(item.value);
    is_wrong.then_some(QuarantineReason::UNREPRESENTABLE)
});

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let action = ACTIONS.get(options.place(ACTION)).unwrap_or(&ACTIONS[0]);
    if TypeSet::NAMES.contains(item.kind) {
        return write!(out, "{0} {action}\n.{0} {action}\n", item.value);
    }
    writeln!(out, "{} {action}", item.value)
}

/// Returns whether Postfix reads an e-mail address as one key: white space ends a key, a quote begins a quoted one, and
/// `#` a comment.
fn is_key(address: &str) -> bool {
    !address.starts_with('#')
        && !address.contains(|char: char| char == '"' || char.is_whitespace() || char.is_control())
}
