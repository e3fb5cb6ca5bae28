//! Whether a form was sent from our own page, and where that page stands.
//!
//! Who may have tokens made is decided by address, so any page that somebody at such an address opens could send this form on their
//! behalf. Browsers say where a form comes from: `Sec-Fetch-Site` over TLS and from this machine, `Origin` otherwise. What says
//! neither is no browser, and nobody's page can make it send anything.

use http::header::{self, HeaderMap};
use http::uri::{Authority, Scheme, Uri};

/// Longer names of hosts do not exist.
const MAX_ORIGIN_BYTES: usize = 300;

/// Returns whether the form comes from our page, or from no page at all.
pub(super) fn is_this_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none` is the reader's own doing, such as loading the answer again.
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(parsed);
    matches!((origin, host), (Some((_, ours)), Some(host)) if ours.as_str().eq_ignore_ascii_case(host))
}

/// Returns scheme, host and port under which the sender of this form knows us; what no host can be is not repeated.
pub(super) fn base(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some((scheme, authority)) = text(header::ORIGIN).and_then(parsed) {
        return format!("{scheme}://{authority}");
    }
    let host = text(header::HOST).map(|host| format!("http://{host}"));
    match host.as_deref().and_then(parsed) {
        Some((scheme, authority)) => format!("{scheme}://{authority}"),
        None => "http://127.0.0.1:8080".to_owned(),
    }
}

fn parsed(origin: &str) -> Option<(Scheme, Authority)> {
    if origin.len() > MAX_ORIGIN_BYTES {
        return None;
    }
    let uri: Uri = origin.parse().ok()?;
    let parts = uri.into_parts();
    let scheme = parts
        .scheme
        .filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))?;
    let path_is_empty = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
    let authority = parts.authority.filter(|_| path_is_empty && !origin.ends_with('/'))?;
    // It will stand between apostrophes in a line for a shell.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    authority.as_str().bytes().all(plain).then_some((scheme, authority))
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

    #[test]
    fn our_address_is_the_one_that_the_browser_shows() {
        let host = ("host", "[2001:db8::1]:8080");
        assert_eq!(base(&headers(&[host])), "http://[2001:db8::1]:8080");
        assert_eq!(
            base(&headers(&[host, ("origin", "https://feeds.example.net")])),
            "https://feeds.example.net"
        );
        for hostile in ["a'; rm -rf ~; '", "user@host", "ho st", "a/b", "$(id)", ""] {
            assert_eq!(
                base(&headers(&[("host", hostile)])),
                "http://127.0.0.1:8080",
                "{hostile}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_out_of_the_line_for_the_shell(text in "[ -~]{0,40}") {
            let known = base(&headers(&[("origin", &text), ("host", &text)]));
            prop_assert!(!known.contains(['\'', ' ', '\\', '\n']));
            let _ = is_this_page(&headers(&[("origin", &text), ("host", &text)]));
        }
    }
}
