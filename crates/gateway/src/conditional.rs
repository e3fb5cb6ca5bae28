//! Conditional requests: whether the caller has the newest version already (RFC 9110, section 13).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};

/// Suffixes that proxies add to an entity tag when they compress the answer; clients send the longer tag back.
const PROXY_SUFFIXES: [&str; 7] = ["-gzip", "--gzip", ";gzip", "-br", ";br", "-zstd", ";zstd"];

/// Returns whether a `GET` or `HEAD` may be answered with 304.
///
/// `etag` is ours with its quotes. `If-Modified-Since` counts only without `If-None-Match`. An unreadable date and one
/// in the future are ignored (section 13.1.3).
pub(crate) fn is_unchanged(headers: &HeaderMap, etag: &str, changed_at: jiff::Timestamp) -> bool {
    is_unchanged_at(headers, etag, changed_at, SystemTime::now)
}

/// Returns copies of the header fields that the other functions here look at.
pub(crate) fn fields(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        for value in headers.get_all(&name) {
            // A clone would share the memory of the whole head. The bytes are those of a value, so they are one.
            if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
                fields.append(name.clone(), copy);
            }
        }
    }
    fields
}

/// Returns whether the caller names this entity tag in `If-None-Match`.
pub(crate) fn is_named(headers: &HeaderMap, etag: &str) -> bool {
    let mut lists = headers.get_all(header::IF_NONE_MATCH).iter();
    lists.any(|list| names(list.as_bytes(), etag, is_ours))
}

/// Returns whether the caller names this very entity tag in `If-None-Match`, and not one that a proxy made of it.
pub(crate) fn is_named_exactly(headers: &HeaderMap, etag: &str) -> bool {
    let mut lists = headers.get_all(header::IF_NONE_MATCH).iter();
    lists.any(|list| list != "*" && names(list.as_bytes(), etag, |tag, own| tag == own))
}

/// Few requests need the clock.
fn is_unchanged_at(
    headers: &HeaderMap,
    etag: &str,
    changed_at: jiff::Timestamp,
    now: impl FnOnce() -> SystemTime,
) -> bool {
    let mut tags = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        return tags.any(|list| names(list.as_bytes(), etag, is_ours));
    }
    let since = headers
        .get(header::IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok());
    since
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .is_some_and(|since| whole_seconds(changed_at) <= since && since <= now())
}

/// Returns a moment as an HTTP date, without its fraction of a second.
pub(crate) fn http_date(moment: jiff::Timestamp) -> String {
    httpdate::fmt_http_date(whole_seconds(moment))
}

fn whole_seconds(moment: jiff::Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(moment.as_second()).unwrap_or_default())
}

/// Returns whether a list of entity tags has ours, by weak comparison, or is `*`. `is_ours` compares two tags without
/// quotes.
fn names(list: &[u8], etag: &str, is_ours: impl Fn(&str, &str) -> bool) -> bool {
    let Ok(mut rest) = std::str::from_utf8(list) else {
        return false;
    };
    let own = etag.trim_matches('"');
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return false;
        }
        if rest == "*" {
            return true;
        }
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        // Tags without quotes are wrong, but devices send them.
        let (tag, after) = match tag.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => tag.split_once(',').unwrap_or((tag, "")),
        };
        if is_ours(tag.trim_end(), own) {
            return true;
        }
        rest = after;
    }
}

fn is_ours(tag: &str, own: &str) -> bool {
    tag == own
        || PROXY_SUFFIXES
            .iter()
            .any(|suffix| tag.strip_suffix(suffix) == Some(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: &str = "\"0123abcd\"";

    fn unchanged(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let now = whole_seconds(moment("2026-11-22T11:00:00Z"));
        is_unchanged_at(&map, OWN, moment("2026-11-22T10:00:00.7Z"), || now)
    }

    #[test]
    fn a_matching_tag_is_found_in_every_spelling() {
        for list in [
            "\"0123abcd\"",
            "W/\"0123abcd\"",
            "\"x\", \"0123abcd\"",
            "\"a,b\" ,W/\"0123abcd\"",
            "*",
            " * ",
            "\"0123abcd-gzip\"",
            "\"0123abcd;gzip\"",
            "W/\"0123abcd--gzip\"",
            "0123abcd",
            "x, 0123abcd",
        ] {
            assert!(unchanged(&[("if-none-match", list.trim_end())]), "{list}");
        }
        assert!(unchanged(&[("if-none-match", "\"x\""), ("if-none-match", OWN)]));
    }

    #[test]
    fn other_tags_do_not_match() {
        for list in [
            "\"0123ABCD\"",
            "\"\"",
            "",
            ",",
            "\"0123abcd-exe\"",
            "\"0123abc\"",
            "\"*\"",
            "w/\"0123abcd\"",
            "\"x",
            "\"0123abcd-gzip-gzip\"",
        ] {
            assert!(!unchanged(&[("if-none-match", list)]), "{list}");
        }
    }

    #[test]
    fn the_date_counts_in_whole_seconds_and_only_without_tags() {
        let same = ("if-modified-since", "Sun, 22 Nov 2026 10:00:00 GMT");
        assert!(unchanged(&[same]));
        assert!(unchanged(&[("if-modified-since", "Sunday, 22-Nov-26 10:00:01 GMT")]));
        assert!(!unchanged(&[("if-modified-since", "Sun, 22 Nov 2026 09:59:59 GMT")]));
        assert!(!unchanged(&[("if-none-match", "\"x\""), same]));
    }

    /// Otherwise a device with a wrong clock, or one that always sends the same far date, would never get a change.
    #[test]
    fn a_date_in_the_future_is_ignored() {
        assert!(unchanged(&[("if-modified-since", "Sun, 22 Nov 2026 11:00:00 GMT")]));
        assert!(!unchanged(&[("if-modified-since", "Sun, 22 Nov 2026 11:00:01 GMT")]));
        assert!(!unchanged(&[("if-modified-since", "Fri, 31 Dec 2099 23:59:59 GMT")]));
        let tag_and_future = [
            ("if-none-match", OWN),
            ("if-modified-since", "Fri, 31 Dec 2099 23:59:59 GMT"),
        ];
        assert!(unchanged(&tag_and_future));
    }

    #[test]
    fn a_malformed_date_is_ignored() {
        for date in [
            "",
            "yesterday",
            "Sun, 31 Nov 2026 10:00:00 GMT",
            "2026-11-22T10:00:00Z",
            "99999999999999999999",
        ] {
            assert!(!unchanged(&[("if-modified-since", date)]), "{date}");
        }
    }

    #[test]
    fn a_date_has_no_fraction() {
        assert_eq!(
            http_date("2026-11-22T10:00:00.999Z".parse().unwrap()),
            "Sun, 22 Nov 2026 10:00:00 GMT"
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'W'), Just(b'/'), 32u8..=255], 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(header::IF_NONE_MATCH, value.clone());
                let _ = is_unchanged(&headers, OWN, jiff::Timestamp::UNIX_EPOCH);
                headers.clear();
                headers.insert(header::IF_MODIFIED_SINCE, value);
                let _ = is_unchanged(&headers, OWN, jiff::Timestamp::UNIX_EPOCH);
            }
        }
    }
}
