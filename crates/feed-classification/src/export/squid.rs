//! `squid`: files of values for the access lists of Squid.

use std::io::{self, Write};

use crate::export::coverage::Coverage;
use crate::export::covered_list::CoveredList;
use crate::export::sent_url::{self, SentUrl};
use crate::export::{About, Options, QuarantineReason, escape};
use crate::{Indicator, IndicatorType, TypeSet};

const COVERAGE: Coverage = Coverage {
    min_prefix: 1,
    one_tree: true,
    ..Coverage::USUAL
};

const URLS: TypeSet = TypeSet::of(&[IndicatorType::Url]);

/// The longest URL. Squid refuses requests with a longer one itself (`MAX_URL`).
const MAX_URL: usize = 8_191;

/// One value per line, for an access list of one kind: `acl listed dstdomain "FILE"` for names, `dst` or `src` for
/// addresses, `url_regex` for URLs. The type of the feed decides, so a file has values of one kind only.
///
/// - **Names** begin with a dot, `.evil.example`, and stand for the name and all names below it. Names below a listed
///   one are not written: Squid does not start if a listed name follows one below it.
/// - **Addresses** are merged: where two networks overlap, Squid keeps the first and ignores the other, even if it is
///   the wider one. `0.0.0.0/0` is written as its halves, since Squid reads it as the word `all`, which means IPv6 too.
///   Squid keeps IPv4 addresses in one tree with IPv6, as `::ffff:0:0/96`: IPv6 networks around that block are left
///   out.
/// - **URLs** are regular expressions for the whole URL. Squid decodes `%xx` in a URL before it compares, and so does
///   the expression. Squid sees the path of an `https` URL only if it opens TLS (`ssl_bump`). cratosd leaves out URLs
///   with control characters, also encoded ones, since a line cannot hold them.
///
/// An empty feed is a comment. Squid warns of an empty list, and the list matches nothing.
///
/// Checked with Squid 5.7. Its manual describes `acl`, its function `rfc1738_unescape` the decoding.
pub(crate) const SQUID: CoveredList = CoveredList::new(
    About::new(
        "squid",
        "A file for an acl of Squid: dstdomain for names, dst or src for addresses, url_regex for URLs.",
    )
    .consumer("Squid")
    .limits("URLs of more than 8 191 bytes are left out: Squid refuses such requests itself.")
    .pull(
        "cratos-agent or a timer replaces the file and runs `squid -k reconfigure`; curl sends the token in a header. \
         Steps: `docs/recipes/proxies.md`.",
    )
    .accepts(TypeSet::ADDRESSES.union(TypeSet::NAMES).union(URLS))
    .merging(),
    COVERAGE,
    entry,
)
.texts(URLS, |item| expression(item.value));

fn entry(item: &Indicator<'_>, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    let dot = if TypeSet::NAMES.contains(item.kind) { "." } else { "" };
    writeln!(out, "{dot}{}", item.value)
}

/// Returns the expression for exactly this URL, as Squid decodes it.
fn expression(value: &str) -> Result<String, QuarantineReason> {
    let request = SentUrl::of(value)?;
    let scheme = request.scheme().unwrap_or("https?");
    let rest = request.without_scheme();
    if scheme.len() + "://".len() + rest.len() > MAX_URL {
        return Err(sent_url::TOO_LONG);
    }
    let decoded = String::from_utf8(decoded(rest.as_bytes())).map_err(|_| QuarantineReason::UNREPRESENTABLE)?;
    if decoded.contains(char::is_control) || escape::has_line_break(&decoded) {
        return Err(QuarantineReason::UNREPRESENTABLE);
    }
    Ok(format!("^{scheme}://{}$", escape::extended_regex(&decoded)))
}

/// Decodes `%xx` as Squid does it: `%%` is one `%`, and `%00` and a `%` before something else stay.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        bytes.push(*first);
        rest = match after {
            [b'%', behind @ ..] if *first == b'%' => behind,
            [high, low, behind @ ..] if *first == b'%' => {
                match digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low) {
                    Some(byte) if byte > 0 => {
                        bytes.pop();
                        bytes.push(byte);
                        behind
                    }
                    _ => after,
                }
            }
            _ => after,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{decoded, expression};

    #[test]
    fn urls_are_decoded_as_squid_does_it() {
        for (text, expected) in [
            ("a%20b%2Fc", "a b/c"),
            ("%%41", "%41"),
            ("%0", "%0"),
            ("%00%zz%4", "%00%zz%4"),
            ("%C3%BC%", "ü%"),
        ] {
            assert_eq!(String::from_utf8_lossy(&decoded(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_matches_one_url() {
        assert_eq!(
            expression("http://Evil.example:80/a(b)?c=[d]$").unwrap(),
            r"^http://evil\.example/a\(b\)\?c=\[d\]\$$"
        );
        assert_eq!(
            expression("evil.example:8080/x y").unwrap(),
            r"^https?://evil\.example:8080/x y$"
        );
    }

    #[test]
    fn what_a_line_cannot_hold_is_refused() {
        for url in [
            "http://a.example/%0a",
            "http://a.example/%E2%80%A8",
            "http://a.example/%ff",
        ] {
            assert_eq!(expression(url).unwrap_err().reason(), "unrepresentable", "{url}");
        }
        let long = format!("http://a.example/{}", "x".repeat(8_191));
        assert_eq!(expression(&long).unwrap_err().reason(), "too_long");
    }
}
