//! `rspamd`: maps for the module multimap of rspamd.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::sent_url::{self, SentUrl};
use crate::export::{About, ExportOption, Options, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

const COVERAGE: Coverage = Coverage {
    names_below: false,
    one_tree: true,
    ..Coverage::USUAL
};

/// The longest text of a regular expression. PCRE compiles no more than 65 535 units, and Hyperscan, which rspamd
/// prefers, fewer.
const MAX_TEXT: usize = 4_000;

const E_MAIL: TypeSet = TypeSet::of(&[IndicatorType::EmailAddress]);

const SCORE: &str = "score";

const OPTIONS: &[ExportOption] = &[ExportOption::number(
    SCORE,
    "The factor that rspamd multiplies the score of the rule with.",
    1,
    1..=1_000,
)];

/// The types that are written as regular expressions.
const EXPRESSIONS: TypeSet = TypeSet::of(&[
    IndicatorType::Url,
    IndicatorType::EmailSubject,
    IndicatorType::EmailAttachment,
]);

/// One key per line, for a rule of the module multimap, which fetches the map itself.
///
/// - **Networks** are for `type = "ip"`. They are merged. rspamd keeps IPv4 addresses in one tree with
///   IPv6, as `::ffff:0:0/96`: IPv6 networks around that block are left out.
/// - **Names** are for `type = "url"`, or for `type = "from"` with `filter = "email:domain"`. They match exactly, so
///   names below a listed one are written too; with `filter = "tld"` a listed registered domain stands for all names
///   below it. rspamd's `glob` and `regexp` search anywhere in a name: `*.evil.example` is in `notevil.example`.
/// - **E-mail addresses** are for `type = "from"`. Those with `#` are left out, since rspamd reads `a#b@c.example` as
///   the key `a` and a comment, and so are those that begin with `/` or a quote, an expression or a quoted key.
/// - **URLs**, **subjects** and **names of attachments** are regular expressions for the whole text, with
///   `regexp = true`: `type = "url"` with `filter = "full"`, `type = "header"` with `header = "Subject"`, and
///   `type = "filename"`. rspamd decodes some of the characters of a URL that are percent-encoded and not others, so an
///   expression takes both forms. It also takes both forms of a host and of an empty path.
///
/// With the option `score`, each key is followed by a number that multiplies the score of the rule.
///
/// An empty feed is a comment, and a map without keys matches nothing. Checked with rspamd 3.4; its documentation
/// describes maps and the module multimap.
pub(crate) const RSPAMD: CoveredList = CoveredList::new(
    About::new(
        "rspamd",
        "A map for the module multimap of rspamd: keys, or regular expressions for URLs and texts.",
    )
    .consumer("rspamd")
    .limits("Texts of more than 4 000 bytes are left out, since PCRE and Hyperscan do not compile them.")
    .pull(
        "`map` of a rule of the module multimap; rspamd sends no header, so the token goes into the path: \
         `/t/TOKEN/v1/…`. Steps: `docs/recipes/mail.md`.",
    )
    .extension("map")
    .accepts(
        TypeSet::ADDRESSES
            .union(TypeSet::NAMES)
            .union(E_MAIL)
            .union(EXPRESSIONS),
    )
    .merging()
    .options(OPTIONS),
    COVERAGE,
    entry,
)
.refusing(|item| {
    let is_wrong = item.kind == IndicatorType::EmailAddress && !is_key(item.value);
    is_wrong.then_some(QuarantineReason::UNREPRESENTABLE)
})
.texts(EXPRESSIONS, expression);

fn entry(item: &Indicator<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    match options.number(SCORE) {
        1 => writeln!(out, "{}", item.value),
        score => writeln!(out, "{} {score}", item.value),
    }
}

/// Returns whether rspamd reads an e-mail address as one key.
fn is_key(address: &str) -> bool {
    let ends_key = |char: char| char == '#' || char.is_whitespace() || char.is_control();
    !address.starts_with(['/', '"']) && !address.contains(ends_key)
}

/// Returns the expression for the whole text of an indicator.
fn expression(item: &Indicator<'_>) -> Result<String, QuarantineReason> {
    if item.value.len() > MAX_TEXT {
        return Err(sent_url::TOO_LONG);
    }
    if item.kind == IndicatorType::Url {
        return url_expression(item.value);
    }
    if item.value.contains(char::is_control) || escape::has_line_break(item.value) {
        return Err(QuarantineReason::UNREPRESENTABLE);
    }
    Ok(format!("/^{}$/u", escape::pcre(item.value)))
}

fn url_expression(value: &str) -> Result<String, QuarantineReason> {
    let request = SentUrl::of(value)?;
    let scheme = request.scheme().unwrap_or("https?");
    let (unicode, _) = idna::domain_to_unicode(request.host());
    let host = if unicode == request.host() {
        escape::pcre(&unicode)
    } else {
        format!("(?:{}|{})", escape::pcre(request.host()), escape::pcre(&unicode))
    };
    let port = match (request.port(), request.scheme()) {
        (Some(port), _) => format!(":{port}"),
        (None, Some("https")) => "(?::443)?".to_owned(),
        (None, Some(_)) => "(?::80)?".to_owned(),
        (None, None) => "(?::80|:443)?".to_owned(),
    };
    let path = match &*request.path_and_query() {
        "/" => r"\/?".to_owned(),
        path => path_expression(path),
    };
    Ok(format!(r"/^{scheme}:\/\/{host}{port}{path}$/"))
}

/// Returns an expression for a path and a query, which are ASCII.
///
/// A percent-encoded byte may stand there decoded, unless it would then separate parts of the URL. A character that
/// clients also send encoded may stand there encoded.
fn path_expression(path: &str) -> String {
    let mut expression = String::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, is_encoded, behind) = match after {
            [high, low, behind @ ..] if *first == b'%' => match encoded(*high, *low) {
                Some(byte) => (byte, true, behind),
                None => (*first, false, after),
            },
            _ => (*first, false, after),
        };
        let separates = b"/?#%&=+;".contains(&byte) || byte.is_ascii_control();
        let is_always_plain = byte.is_ascii_alphanumeric() || separates || b"-._~,!$'()*:@".contains(&byte);
        expression += &match is_encoded {
            true if separates => format!("(?i:%{byte:02x})"),
            false if is_always_plain => escape::pcre(char::from(byte).encode_utf8(&mut [0; 4])),
            _ => format!(r"(?:\x{byte:02x}|(?i:%{byte:02x}))"),
        };
        rest = behind;
    }
    expression
}

fn encoded(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::{Indicator, IndicatorType, MAX_TEXT, expression, path_expression, url_expression};

    #[test]
    fn a_url_is_taken_in_the_forms_that_rspamd_knows() {
        for (url, expected) in [
            ("http://evil.example", r"/^http:\/\/evil\.example(?::80)?\/?$/"),
            (
                "b\u{fc}cher.example:81/x",
                r"/^https?:\/\/(?:xn\-\-bcher\-kva\.example|bücher\.example):81\/x$/",
            ),
        ] {
            assert_eq!(url_expression(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn an_encoded_separator_stays_encoded() {
        assert_eq!(
            path_expression("/a%2Fb%zz%7Bc|?d=%0a"),
            r"\/a(?i:%2f)b\%zz(?:\x7b|(?i:%7b))c(?:\x7c|(?i:%7c))\?d\=(?i:%0a)"
        );
    }

    #[test]
    fn a_text_may_have_four_thousand_bytes() {
        let of = |bytes: usize| expression(&Indicator::new(IndicatorType::EmailSubject, &"x".repeat(bytes)));
        assert!(of(MAX_TEXT).is_ok());
        assert!(of(MAX_TEXT + 1).is_err());
    }
}
