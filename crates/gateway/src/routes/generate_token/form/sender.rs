//! Whether a form was sent from our own page.
//!
//! The address of the caller decides who may make tokens. So any page that a person at such an address opens could send
//! this form for them. Browsers name the page that a form comes from: in `Sec-Fetch-Site` over TLS and from this
//! machine, in `Origin` otherwise. A client that sends neither is not a browser, so no page controls it.

use http::header::{self, HeaderMap};

use crate::origin;

/// Returns whether the form comes from our page, or from no page at all.
pub(super) fn is_this_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none` stands for an action of the person, for example loading the answer again.
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(named) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let sender = named.to_str().ok().and_then(origin::parsed);
    matches!((sender, host), (Some((_, ours)), Some(host)) if ours.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn forms_from_other_pages_are_told_from_our_own() {
        let host = ("host", "Cratos.example.net:8080");
        for (named, ours) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://cratos.example.net:8080"),
                ],
                false,
            ),
            // A proxy may have put its own name into `Host`; the browser knows better.
            (
                vec![
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://proxy.example.net"),
                ],
                true,
            ),
            (vec![("origin", "http://cratos.example.net:8080")], true),
            (vec![("origin", "https://cratos.example.net:8080")], true),
            (vec![("origin", "http://cratos.example.net")], false),
            (vec![("origin", "http://evil.example.org")], false),
            (
                vec![("origin", "http://cratos.example.net:8080.evil.example.org")],
                false,
            ),
            (vec![("origin", "null")], false),
            (vec![("origin", "")], false),
        ] {
            let all = headers(&[named.as_slice(), &[host]].concat());
            assert_eq!(is_this_page(&all), ours, "{named:?}");
        }
        assert!(!is_this_page(&headers(&[("origin", "http://cratos.example.net")])));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_fail(text in "[ -~]{0,40}") {
            let _ = is_this_page(&headers(&[("origin", &text), ("host", &text)]));
        }
    }
}
