//! Texts that clients wrote, made fit for a log: without secrets, in printable ASCII, and short.

use std::borrow::Cow;
use std::io::Write as _;

use http::Uri;
use percent_encoding::percent_decode_str;

/// The word in the place of a secret.
const ANONYMIZED: &str = "ANONYMIZED";

/// The longest target, and the longest of every other text, on a line, in bytes.
const MAX_URL: usize = 1_024;
const MAX_TEXT: usize = 256;

/// Tokens usually have 100 bytes or more, so a longer part of a path or a longer value may be one, or a good part of
/// one.
const MAX_PART: usize = 64;
const MAX_VALUE: usize = 32;

/// Names of parameters whose values are secret, however short.
const SECRET_NAMES: [&str; 5] = ["token", "key", "auth", "pass", "secret"];

/// Writes path and query. With a `secret_prefix`, the path segment after it is left out; of such a path that is not a
/// route of the service, everything after it too.
pub(super) fn url(uri: &Uri, secret_prefix: Option<&str>, is_route: bool, out: &mut Vec<u8>) {
    if uri.query().is_none() && has_no_secret(uri.path(), secret_prefix) {
        out.extend_from_slice(uri.path().as_bytes());
        return;
    }
    let mut shown = String::with_capacity(uri.path().len() + uri.query().map_or(0, str::len) + 1);
    let mut has_secret = false;
    for (index, part) in uri.path().split('/').enumerate() {
        if index == 1 {
            has_secret = secret_prefix.is_some_and(|prefix| decoded(part) == prefix);
        }
        if index > 0 {
            shown.push('/');
        }
        match index {
            2 if has_secret => shown.push_str(ANONYMIZED),
            3.. if has_secret && !is_route => {
                shown.push_str("...");
                break;
            }
            _ => shown.push_str(unless_long(part, MAX_PART)),
        }
    }
    if let Some(query) = uri.query() {
        let mut before = '?';
        for pair in query.split('&') {
            shown.push(before);
            write_pair(pair, &mut shown);
            before = '&';
        }
    }
    bounded(shown.as_bytes(), MAX_URL, out);
}

/// Returns whether a path is written as it is. Nearly all are, and a look at each byte is cheaper than a copy.
fn has_no_secret(path: &str, secret_prefix: Option<&str>) -> bool {
    let Some(rest) = path.strip_prefix('/').filter(|_| path.len() <= MAX_URL) else {
        return false;
    };
    // A percent sign may hide the prefix.
    if !all(path.as_bytes(), |byte| is_plain(byte) && byte != b'%') {
        return false;
    }
    if path.len() > MAX_PART && path.split('/').any(|part| part.len() > MAX_PART) {
        return false;
    }
    let behind = secret_prefix.and_then(|prefix| rest.strip_prefix(prefix));
    !behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('/'))
}

/// Writes the origin of a referer only, since the rest of the address may hold a secret.
pub(super) fn origin(referer: &[u8], out: &mut Vec<u8>) {
    let referer = String::from_utf8_lossy(referer);
    let Some((scheme, rest)) = referer.split_once("://") else {
        return text(ANONYMIZED.as_bytes(), out);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    text(format!("{scheme}://{host}/").as_bytes(), out);
}

/// Writes any other text without its parts that are long enough to be a token and look like one.
pub(super) fn text(bytes: &[u8], out: &mut Vec<u8>) {
    // Most texts are too short for a secret.
    if bytes.len() < MAX_PART {
        return bounded(bytes, MAX_TEXT, out);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    for run in bytes.chunk_by(|a, b| may_be_in_a_token(*a) == may_be_in_a_token(*b)) {
        if run.len() >= MAX_PART && run.first().copied().is_some_and(may_be_in_a_token) {
            kept.extend(ANONYMIZED.as_bytes());
        } else {
            kept.extend(run);
        }
    }
    bounded(&kept, MAX_TEXT, out);
}

/// Writes a text that is not a secret, fit for a line.
pub(super) fn printable(bytes: &[u8], out: &mut Vec<u8>) {
    bounded(bytes, MAX_TEXT, out);
}

fn write_pair(pair: &str, shown: &mut String) {
    let (name, value) = match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    };
    shown.push_str(unless_long(name, MAX_VALUE));
    if let Some(value) = value {
        let lower = decoded(name).to_ascii_lowercase();
        let is_secret = SECRET_NAMES.iter().any(|secret| lower.contains(secret));
        shown.push('=');
        shown.push_str(if is_secret {
            ANONYMIZED
        } else {
            unless_long(value, MAX_VALUE)
        });
    }
}

fn unless_long(text: &str, most: usize) -> &str {
    if text.len() > most { ANONYMIZED } else { text }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Both alphabets of Base64, padding and dots; `%`, since any byte may be written with it.
fn may_be_in_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_+/=%.~".contains(&byte)
}

/// Returns whether all bytes are so. It looks at each of them in any case: many at a time, and nearly always all are.
fn all(bytes: &[u8], is_so: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_so(*byte))
}

/// Returns whether a byte is written as it is.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// Writes printable ASCII as it is, and all other bytes, quotation marks and backslashes as `\xHH`, as nginx does. So a
/// line end, an escape sequence for a terminal or a character that turns text around does not get through. After `most`
/// bytes it writes `...` in place of the rest.
fn bounded(bytes: &[u8], most: usize, out: &mut Vec<u8>) {
    if bytes.len() <= most && all(bytes, is_plain) {
        return out.extend_from_slice(bytes);
    }
    let begin = out.len();
    for byte in bytes {
        if out.len() - begin >= most {
            out.extend_from_slice(b"...");
            break;
        }
        if is_plain(*byte) {
            out.push(*byte);
        } else {
            // Writing into memory cannot fail.
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn url(uri: &Uri, secret_prefix: Option<&str>, is_route: bool) -> String {
        written(|out| super::url(uri, secret_prefix, is_route, out))
    }

    fn origin(referer: &[u8]) -> String {
        written(|out| super::origin(referer, out))
    }

    fn text(bytes: &[u8]) -> String {
        written(|out| super::text(bytes, out))
    }

    fn shown(target: &str, is_route: bool) -> String {
        url(&target.parse().unwrap(), Some("t"), is_route)
    }

    fn token() -> String {
        "gAAAAABl-_09".repeat(10)
    }

    #[test]
    fn a_token_in_the_target_is_left_out_wherever_it_stands() {
        let t = token();
        for (target, is_route, expected) in [
            ("/v1/check?token=TOKEN", true, "/v1/check?token=ANONYMIZED"),
            (
                "/v1/check?cache=5&token=x&token=TOKEN",
                true,
                "/v1/check?cache=5&token=ANONYMIZED&token=ANONYMIZED",
            ),
            ("/v1/check?t%6Fken=short", true, "/v1/check?t%6Fken=ANONYMIZED"),
            (
                "/v1/check?Token=short&api_key=x",
                true,
                "/v1/check?Token=ANONYMIZED&api_key=ANONYMIZED",
            ),
            ("/v1/check?tok=TOKEN", true, "/v1/check?tok=ANONYMIZED"),
            ("/v1/check?TOKEN", true, "/v1/check?ANONYMIZED"),
            ("/v1/check?a;b=1;token=TOKEN", true, "/v1/check?a;b=ANONYMIZED"),
            ("/t/TOKEN/v1/check", true, "/t/ANONYMIZED/v1/check"),
            ("/%74/TOKEN/v1/check", true, "/%74/ANONYMIZED/v1/check"),
            ("/t/short/v1/nothing", false, "/t/ANONYMIZED/..."),
            ("/t/TOK/EN/v1", false, "/t/ANONYMIZED/..."),
            ("/v1/check/TOKEN", false, "/v1/check/ANONYMIZED"),
            ("/v1/check", true, "/v1/check"),
            ("/TOKEN", false, "/ANONYMIZED"),
            ("http://cratos.example.net/v1/check?x", true, "/v1/check?x"),
        ] {
            assert_eq!(shown(&target.replace("TOKEN", &t), is_route), expected, "{target}");
        }
    }

    #[test]
    fn a_target_without_secrets_is_written_as_it_is() {
        let feed = "/v1/uuid/55f6ea5e-2c60-40e5-964f-47a8950d210f/type/x509-fingerprint-sha256/age/1w/output/txt?cache=60&aggregate=1";
        assert_eq!(shown(feed, true), feed);
    }

    #[test]
    fn a_referer_is_cut_to_its_origin_and_a_token_in_a_user_agent_is_left_out() {
        let t = token();
        let referer = format!("https://bob:{t}@siem.example.net:8443/t/{t}/v1?token={t}");
        assert_eq!(origin(referer.as_bytes()), "https://siem.example.net:8443/");
        assert_eq!(origin(t.as_bytes()), "ANONYMIZED");
        assert_eq!(text(format!("curl/8.0 {t} x").as_bytes()), "curl/8.0 ANONYMIZED x");
    }

    #[test]
    fn without_a_secret_prefix_short_segments_are_written() {
        let uri: Uri = "/t/short/v1/nothing".parse().unwrap();
        assert_eq!(url(&uri, None, false), "/t/short/v1/nothing");
    }

    #[test]
    fn hostile_text_stays_on_its_line_and_short() {
        let hostile = "a\r\n\"b\\\u{1b}[2J\u{7f}\u{202e}æ";
        let expected = r"a\x0D\x0A\x22b\x5C\x1B[2J\x7F\xE2\x80\xAE\xC3\xA6";
        assert_eq!(text(hostile.as_bytes()), expected);
        assert!(text("x ".repeat(9_999).as_bytes()).len() <= MAX_TEXT + 8);
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic_or_leave_the_line(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for shown in [text(&bytes), origin(&bytes)] {
                prop_assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"'));
            }
        }

        #[test]
        fn no_token_is_written_under_any_name_or_place(name in "[a-z%;]{0,9}", before in "(/[a-z0-9]{0,9}){0,4}", token in "[A-Za-z0-9_-]{100,190}") {
            for target in [format!("{before}/x?{name}={token}"), format!("{before}/{token}/x"), format!("/t/{token}{before}")] {
                if let Ok(uri) = target.parse::<Uri>() {
                    prop_assert!(!url(&uri, Some("t"), false).contains(&token));
                    prop_assert!(!url(&uri, Some("t"), true).contains(&token));
                }
            }
        }
    }
}
