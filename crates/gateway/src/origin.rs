//! Scheme, host and port under which a caller knows this daemon.

use http::header::{self, HeaderMap};
use http::uri::{Authority, Scheme, Uri};

/// Longer names of hosts do not exist.
const MAX_ORIGIN_BYTES: usize = 300;

/// Returns the start of our URLs as this caller knows them: from `Origin`, else from `Host`.
///
/// Text that cannot be a host is never repeated; then it is the address that cratosd listens on by default.
pub(crate) fn base(headers: &HeaderMap) -> String {
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

/// Takes an origin apart: `https://cratos.example.net:8443` and nothing behind it.
pub(crate) fn parsed(origin: &str) -> Option<(Scheme, Authority)> {
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
        }
    }
}
