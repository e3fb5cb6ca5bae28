//! `proxysg`: a category for the local database of ProxySG, now Symantec Edge SWG.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use crate::export::{About, ExportOption, Exporter, FeedInfo, Options, QuarantineReason, TextForm, web_request};
use crate::{Indicator, IndicatorType, TypeSet};

const CATEGORY: &str = "category";

const OPTIONS: &[ExportOption] = &[ExportOption::text(
    CATEGORY,
    "The category of all entries. If the proxy knows one of this name, the entries are added to it.",
    "cratos",
    TextForm::up_to(64).also("_-").letter_first(),
)];

/// A definition of a category: `define category cratos`, one entry per line, `end`; LF.
///
/// A name covers its subdomains, and a URL covers those that begin with it. URLs are written without their scheme.
/// Without a path the entry would be the domain with all its subdomains, so such a URL is left out, and so are those
/// with another port. `;` begins a comment, and `=` and others have a meaning, so an entry with such a character stands
/// in quotes: double ones, or single ones if it holds a double one. One with both cannot be written.
///
/// Without entries the category is defined and empty.
///
/// Source: "define category" and "Quoting" in the Content Policy Language guide of ProxySG. That the local database
/// takes quotes as policy does is not documented.
#[derive(Debug, Clone)]
pub(crate) struct ProxySg {
    category: String,
}

impl Default for ProxySg {
    fn default() -> Self {
        Self::of(&Options::defaults(OPTIONS))
    }
}

impl ProxySg {
    fn of(options: &Options) -> Self {
        Self {
            category: options.text(CATEGORY).to_owned(),
        }
    }
}

impl Exporter for ProxySg {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "proxysg",
            "A category of domains or URLs, for the local database of ProxySG (Symantec Edge SWG).",
        )
        .consumer("Symantec ProxySG (local database)")
        .limits("URLs with another port, without a path, with `*` or with both kinds of quotes are left out.")
        .pull(
            "`content-filter local download url URL`, with `download username cratos` and `download password` for \
             the token (Basic) *(unverified)*.",
        )
        .accepts(TypeSet::NAMES.union(TypeSet::of(&[IndicatorType::Url])))
        .version(2)
        .rewrites(TypeSet::of(&[IndicatorType::Url]))
        .options(OPTIONS);
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        Some(Arc::new(Self::of(options)))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind != IndicatorType::Url {
            return None;
        }
        let has_both_quotes = item.value.contains('"') && item.value.contains('\'');
        web_request::refuses(item.value, &self.rewrite(item), &['*'])
            .or_else(|| web_request::refuses_port(item.value))
            .or_else(|| web_request::refuses_bare_host(item.value))
            .or_else(|| has_both_quotes.then_some(QuarantineReason::UNREPRESENTABLE))
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        web_request::entry_without_scheme(item.value)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "define category {}", self.category)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let quote = quote_of(item.value);
        writeln!(out, "{quote}{}{quote}", item.value)
    }

    fn footer(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"end\n")
    }
}

/// Returns the quotes that the entry needs; empty if all of its characters are plain.
fn quote_of(entry: &str) -> &'static str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    if entry.bytes().all(is_plain) {
        ""
    } else if entry.contains('"') {
        "'"
    } else {
        "\""
    }
}
