//! The header `Accept-Encoding`: the compression of an answer (RFC 9110, section 12.5.3).

use feed_engine::Encoding;
use http::{HeaderMap, header};

/// Returns the encoding that the caller prefers; of equal ones, the best for lists of indicators.
///
/// Without the header the body is plain, because a device may be unable to unpack it. If the caller refuses every
/// encoding, for example with `identity;q=0`, the body is plain too: a plain feed is better than an error. `*` means
/// gzip, since every client knows gzip.
pub(crate) fn preferred(headers: &HeaderMap) -> Encoding {
    let mut offers = Vec::new();
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        let Ok(list) = value.to_str() else { continue };
        offers.extend(list.split(',').map(offer));
    }
    let weight = |name: &str| {
        offers
            .iter()
            .find(|(coding, _)| coding.eq_ignore_ascii_case(name))
            .map(|(_, weight)| *weight)
    };
    let rest = weight("*");
    let mut best = (Encoding::Identity, 0);
    for encoding in Encoding::ALL {
        let named = match encoding {
            Encoding::Gzip => weight("gzip").or_else(|| weight("x-gzip")),
            other => weight(other.as_str()),
        };
        // Plain is always acceptable, but it beats a compression only if the caller names it.
        let unnamed = if *encoding == Encoding::Gzip { rest } else { None };
        let weight = named.or(unnamed).unwrap_or(0);
        if weight > best.1 {
            best = (*encoding, weight);
        }
    }
    best.0
}

/// Reads `gzip;q=0.8` as a name and a weight in thousandths. An unreadable weight counts as a refusal.
pub(crate) fn offer(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, weight.map_or(1_000, |text| thousandths(text).unwrap_or(0)))
}

/// Reads `0`, `0.5`, `1.000`: at most three digits behind the point, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some((whole + part).min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn chosen(value: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
        preferred(&headers).as_str()
    }

    #[test]
    fn the_best_of_what_is_accepted_wins() {
        for (header, encoding) in [
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("GZip;Q=0.5", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip;q=1.0, br;q=0.5", "gzip"),
            ("br;q=0.001", "br"),
            ("*", "gzip"),
            ("*;q=0.5, zstd;q=0", "gzip"),
            ("br, *;q=0.1", "br"),
            ("identity, *;q=0.5", "identity"),
            ("identity;q=1, gzip;q=0.5", "identity"),
            ("gzip;q=0.3", "gzip"),
        ] {
            assert_eq!(chosen(header), encoding, "{header}");
        }
    }

    #[test]
    fn the_body_goes_plain_when_nothing_else_is_accepted() {
        for header in [
            "",
            "identity",
            "deflate",
            "gzip;q=0",
            "*;q=0",
            "*, gzip;q=0",
            "gzip;q=0.0000",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=",
            "identity;q=0",
            ",,;;q",
        ] {
            assert_eq!(chosen(header), "identity", "{header}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Encoding::Identity);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "(gzip|br|\\*|;|q=|,|0|1|\\.|[ -~]){0,40}") {
            let _ = chosen(&text);
        }
    }
}
