//! `zeek`: a file for Zeek's intelligence framework.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, Multiline, QuarantineReason};
use crate::grammar::url::{self, Parts};
use crate::{Indicator, IndicatorType, TypeSet};

/// Each type with its name in Zeek's `Intel::Type`. `ip` has two, by the value.
const TYPES: &[(IndicatorType, &str)] = &[
    (IndicatorType::Ipv4, "ADDR"),
    (IndicatorType::Ipv4Ext, "ADDR"),
    (IndicatorType::Ipv6, "ADDR"),
    (IndicatorType::Ipv6Ext, "ADDR"),
    (IndicatorType::Ip, "ADDR"),
    (IndicatorType::Cidr4, "SUBNET"),
    (IndicatorType::Cidr6, "SUBNET"),
    (IndicatorType::Domain, "DOMAIN"),
    (IndicatorType::Hostname, "DOMAIN"),
    (IndicatorType::Url, "URL"),
    (IndicatorType::FileMd5, "FILE_HASH"),
    (IndicatorType::FileSha1, "FILE_HASH"),
    (IndicatorType::FileSha256, "FILE_HASH"),
    (IndicatorType::Filename, "FILE_NAME"),
    (IndicatorType::EmailAttachment, "FILE_NAME"),
    (IndicatorType::EmailAddress, "EMAIL"),
    (IndicatorType::UserAgent, "SOFTWARE"),
    (IndicatorType::X509FingerprintSha1, "CERT_HASH"),
];

/// A line of field names, then `indicator`, `indicator_type` and `meta.source` of each value between tabs, LF. An empty
/// feed is the first line.
///
/// The file is plain ASCII: Zeek's reader turns `\xHH` back into bytes, and so a tab, a backslash, a letter outside of
/// ASCII, a `#` at the begin (a comment) and the value `-` (an unset field) are written in that form.
///
/// **URLs** have the form in which Zeek compares them: without scheme and default port, with the host in punycode and
/// percent-encoding decoded. Left out are URLs with another port, since Zeek writes it twice into the URL of a request
/// (`HTTP::build_url` appends the port to a host that has it already), with user information or a fragment, which are
/// in no request, and those of other schemes than HTTP and HTTPS.
///
/// Types without an `Intel::Type` of Zeek's own, for example `ja3`, are not taken: an unknown type is an error in
/// Zeek's log.
///
/// Source: `scripts/base/frameworks/intel`, `scripts/policy/frameworks/intel/seen` and the readers in `src/input` of
/// Zeek (main of 2026-08).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zeek;

impl Zeek {
    const FRAGMENT: QuarantineReason = QuarantineReason::because("fragment");
    const PORT: QuarantineReason = QuarantineReason::because("port");
    const SCHEME: QuarantineReason = QuarantineReason::because("scheme");
    const USER_INFORMATION: QuarantineReason = QuarantineReason::because("user_information");
}

impl Exporter for Zeek {
    fn about(&self) -> &About {
        const ACCEPTS: TypeSet = {
            let mut accepts = TypeSet::NONE;
            let mut rest = TYPES;
            while let [(kind, _), tail @ ..] = rest {
                accepts = accepts.union(TypeSet::of(&[*kind]));
                rest = tail;
            }
            accepts
        };
        static ABOUT: About = About::new("zeek", "A file for the intelligence framework of Zeek.")
            .content_type("text/tab-separated-values; charset=utf-8")
            .extension("intel")
            .consumer("Zeek")
            .limits("A value stays in the memory of Zeek after it left the file, until `Intel::item_expiration`.")
            .pull(
                "A timer fetches the file with `curl -H \"token: TOKEN\"` and moves it to a path in \
                 `Intel::read_files`.",
            )
            .accepts(ACCEPTS)
            .rewrites(TypeSet::of(&[IndicatorType::Url]))
            .multiline(Multiline::Escaped);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.value.is_empty() {
            return Some(QuarantineReason::UNREPRESENTABLE);
        }
        if item.kind != IndicatorType::Url {
            return None;
        }
        let parts = Parts::of(item.value);
        let is_web = |scheme: &str| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
        if !parts.scheme.is_none_or(is_web) {
            Some(Self::SCHEME)
        } else if parts.user.is_some() {
            Some(Self::USER_INFORMATION)
        } else if parts.other_port().is_some() {
            Some(Self::PORT)
        } else if parts.fragment().is_some() {
            Some(Self::FRAGMENT)
        } else {
            None
        }
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        seen_url(item.value)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"#fields\tindicator\tindicator_type\tmeta.source\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let own = TYPES.iter().find(|(kind, _)| *kind == item.kind);
        let intel_type = match own {
            Some((IndicatorType::Ip, _)) if item.value.contains('/') => "SUBNET",
            Some((_, intel_type)) => intel_type,
            None => return Ok(()),
        };
        let field = match item.kind {
            // It was escaped when it was rewritten.
            IndicatorType::Url => Cow::Borrowed(item.value),
            _ => escaped(item.value.as_bytes()),
        };
        writeln!(out, "{field}\tIntel::{intel_type}\tCratos")
    }
}

/// Returns the URL as Zeek sees it in a request, escaped for its reader.
fn seen_url(value: &str) -> Cow<'_, str> {
    let parts = Parts::of(value);
    let host = if parts.host.starts_with('[') {
        Cow::Owned(parts.host.to_ascii_lowercase())
    } else {
        url::host(value).unwrap_or(Cow::Borrowed(parts.host))
    };
    let has_path = parts.rest.starts_with('/');
    let is_bare = parts.user.is_none() && parts.port.is_none();
    if has_path && is_bare && host == parts.host && !parts.rest.contains('%') {
        let scheme = parts.scheme.map_or(0, |scheme| scheme.len() + "://".len());
        return escaped(value.get(scheme..).unwrap_or(value).as_bytes());
    }
    let mut seen = host.into_owned().into_bytes();
    seen.extend_from_slice(if has_path { "" } else { "/" }.as_bytes());
    seen.extend(decoded(parts.rest));
    Cow::Owned(escaped(&seen).into_owned())
}

/// Decodes `%HH` as Zeek does, and leaves a `%` alone that two digits do not follow.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |place: usize| tail.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// Returns a field that Zeek's reader gives back as these bytes.
fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    let is_special = bytes.starts_with(b"#") || bytes == b"-";
    if let (true, false, Ok(text)) = (bytes.iter().all(is_plain), is_special, std::str::from_utf8(bytes)) {
        return Cow::Borrowed(text);
    }
    let mut field = String::with_capacity(bytes.len() + 16);
    for (place, byte) in bytes.iter().enumerate() {
        if is_plain(byte) && !(place == 0 && is_special) {
            field.push(char::from(*byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(field, "\\x{byte:02x}");
        }
    }
    Cow::Owned(field)
}

#[cfg(test)]
mod tests {
    use super::{Zeek, escaped, seen_url};
    use crate::export::testkit;

    #[test]
    fn zeek_passes_the_battery() {
        testkit::check(&Zeek);
    }

    #[test]
    fn what_zeeks_reader_would_misread_is_escaped() {
        for (value, field) in [
            ("a b", "a b"),
            ("-", "\\x2d"),
            ("--", "--"),
            ("#a", "\\x23a"),
            ("a\tb", "a\\x09b"),
            ("a\\x41", "a\\x5cx41"),
            ("ü", "\\xc3\\xbc"),
        ] {
            assert_eq!(escaped(value.as_bytes()), field);
        }
    }

    #[test]
    fn urls_have_the_form_of_requests_with_percent_encoding_decoded() {
        for (url, seen) in [
            ("http://Evil.example:80/a%20b?c=%41%zz%", "evil.example/a b?c=A%zz%"),
            ("https://bücher.example", "xn--bcher-kva.example/"),
            ("evil.example?x", "evil.example/?x"),
            ("http://[2001:DB8::7]/x", "[2001:db8::7]/x"),
            ("http://evil.example/%ff%09", "evil.example/\\xff\\x09"),
            (
                "http://evil.example/?u=http://b.example/",
                "evil.example/?u=http://b.example/",
            ),
        ] {
            assert_eq!(seen_url(url), seen, "{url}");
        }
    }
}
