//! `haproxy`: files of patterns for the access lists of HAProxy.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::sent_url::{self, SentUrl};
use crate::export::{About, ExportOption, Options, QuarantineReason, TextForm};
use crate::{Indicator, IndicatorType, TypeSet};

const COVERAGE: Coverage = Coverage {
    names_below: false,
    one_tree: true,
    ..Coverage::USUAL
};

const URLS: TypeSet = TypeSet::of(&[IndicatorType::Url]);

const RESULT: &str = "result";

const OPTIONS: &[ExportOption] = &[ExportOption::text(
    RESULT,
    "The value behind each key, which makes the file one for map and its variants; without it the file is for acl.",
    "",
    TextForm::up_to(32).at_least(0).also("_-."),
)];

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
/// With the option `result` each line is a key and this text, for the converters `map_str` and `map_ip`. An `acl`
/// would take the whole line for its pattern.
///
/// A comment stands on a line of its own. An empty list matches nothing. Checked with HAProxy 2.6.12; its configuration
/// manual describes the files in the chapters on ACLs and on converters.
pub(crate) const HAPROXY: CoveredList = CoveredList::new(
    About::new(
        "haproxy",
        "A file of patterns for an acl of HAProxy (-f FILE): names, networks, or URLs without their scheme.",
    )
    .consumer("HAProxy")
    .limits("URLs of more than 15 000 bytes are left out: HAProxy would read the rest of the line as another pattern.")
    .pull(
        "cratos-agent or a timer replaces the file and reloads HAProxy; curl sends the token in a header. \
         Steps: `docs/recipes/proxies.md`.",
    )
    .extension("acl")
    .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES).union(URLS))
    .merging()
    .options(OPTIONS),
    COVERAGE,
    entry,
)
.texts(URLS, |item| pattern(item.value));

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    match options.text(RESULT) {
        "" => writeln!(out, "{}", item.value),
        value => writeln!(out, "{} {value}", item.value),
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
