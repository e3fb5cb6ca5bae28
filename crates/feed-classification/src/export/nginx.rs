//! `nginx`: lines for a `map` or a `geo` block of nginx.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::{About, ExportOption, Options, TextForm};
use crate::{Indicator, TypeSet};

const COVERAGE: Coverage = Coverage {
    min_prefix: 1,
    ..Coverage::USUAL
};

const RESULT: &str = "result";
const NETWORKS: &str = "networks";

const OPTIONS: &[ExportOption] = &[
    ExportOption::text(
        RESULT,
        "The value that the variable of a map or geo block gets for a listed name or address.",
        "1",
        TextForm::up_to(32).also("_-"),
    ),
    ExportOption::word(
        NETWORKS,
        "What addresses and networks are: lines of a geo block, or deny directives for http, server and location.",
        &["geo", "deny"],
    ),
];

/// One line per entry, which sets the variable of the block to 1, for example `.evil.example 1;`, or to the `result`
/// of the option.
///
/// - **Names** are for `map $host $listed { hostnames; include FILE; }`. The dot in front lets a name stand for all
///   names below it. Names below a listed one are not written; a name twice, or the same one with `*.`, would stop
///   nginx. Long names need `map_hash_bucket_size 512` in the same configuration: the default has room for about 40
///   characters.
/// - **Networks** are for `geo $listed { default 0; include FILE; }`. They are merged, and `/0` is written as its
///   halves, since the default of the block is the same entry. With `networks=deny` they are directives of the module
///   access, `deny 192.0.2.1;`.
///
/// URLs are left out: nginx compares keys of a `map` without regard to case, and paths differ in it. An empty feed is a
/// comment, which a block may include. Checked with nginx 1.22.1; its documentation describes the modules `map`, `geo`
/// and `access`.
pub(crate) const NGINX: CoveredList = CoveredList::new(
    About::new(
        "nginx",
        "Lines that a block of nginx includes: map with hostnames for names, geo for networks.",
    )
    .consumer("nginx")
    .limits("Names of more than about 40 characters need `map_hash_bucket_size 512` in the configuration.")
    .pull(
        "cratos-agent or a timer replaces the file, checks it with `nginx -t` and reloads nginx; curl sends the token \
         in a header. Steps: `docs/recipes/proxies.md`.",
    )
    .extension("conf")
    .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES))
    .merging()
    .options(OPTIONS),
    COVERAGE,
    entry,
);

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let value = options.text(RESULT);
    if TypeSet::NAMES.contains(item.kind) {
        writeln!(out, ".{} {value};", item.value)
    } else if options.word(NETWORKS) == "deny" {
        writeln!(out, "deny {};", item.value)
    } else {
        writeln!(out, "{} {value};", item.value)
    }
}
