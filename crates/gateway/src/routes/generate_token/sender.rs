//! Who sends a request for a token.
//!
//! The address of the caller decides who may make tokens. So any page that a person at such an address opens could send
//! a request for them. Browsers name the page that a request comes from: in `Sec-Fetch-Site` over TLS and from this
//! machine, in `Origin` otherwise. A client that sends neither is not a browser, so no page controls it. A page whose
//! own name leads to this machine is found by that name.

use std::net::IpAddr;

use http::Method;
use http::header::{self, HeaderMap};

use crate::origin;
use crate::own_names;
use crate::reject::Reject;
use crate::request::Request;

/// Why a request makes no token, whatever is in it.
#[derive(Debug)]
pub(super) enum Unwelcome {
    /// `token_minting.allowed_ips` does not have the address.
    Address(IpAddr),
    /// The request names another host than this service.
    Name(String),
    /// A page of another site has sent it.
    OtherPage,
    /// The body is `text/plain`, which any page may send anywhere.
    PlainText,
}

impl Unwelcome {
    /// Returns the problem and its cure as sentences.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Address(client) => format!("{client} is not allowed to have tokens made."),
            Self::Name(host) => format!(
                "{host} is not a name of this service. If it is one, its operator writes `public_names: [\"{host}\"]` in config.yaml."
            ),
            Self::OtherPage => "A page of another site sent this request.".to_owned(),
            Self::PlainText => Reject::PlainText.words().to_owned(),
        }
    }
}

impl From<Unwelcome> for Reject {
    fn from(unwelcome: Unwelcome) -> Self {
        match unwelcome {
            Unwelcome::PlainText => Self::PlainText,
            other => Self::Forbidden(other.words()),
        }
    }
}

/// Checks that the address may have tokens made, that the request names this service, and that no other page sends it.
pub(super) fn check(request: &Request<'_>) -> Result<(), Unwelcome> {
    let core = &request.snapshot.loaded.core;
    let is_allowed = |client| {
        core.token_minting_allowed_ips
            .iter()
            .any(|network| network.contains(client))
    };
    if !is_allowed(&request.client) {
        return Err(Unwelcome::Address(request.client));
    }
    if let Some(host) = own_names::foreign(core, request.authority, request.headers) {
        return Err(Unwelcome::Name(host));
    }
    // A link on another page may lead to the form.
    if *request.method != Method::POST {
        return Ok(());
    }
    if !is_this_page(request.headers) {
        return Err(Unwelcome::OtherPage);
    }
    if is_plain_text(request.headers) {
        return Err(Unwelcome::PlainText);
    }
    Ok(())
}

fn is_plain_text(headers: &HeaderMap) -> bool {
    let kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let mut kinds = kinds.filter_map(|value| value.as_bytes().split(|byte| *byte == b';').next());
    kinds.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/plain"))
}

/// Returns whether the request comes from our page, or from no page at all.
fn is_this_page(headers: &HeaderMap) -> bool {
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

    #[test]
    fn plain_text_is_seen_in_every_spelling() {
        for (kind, is_plain) in [
            ("text/plain", true),
            ("Text/Plain ; charset=utf-8", true),
            ("application/json", false),
            ("application/x-www-form-urlencoded", false),
            ("text/plainer", false),
            ("", false),
        ] {
            assert_eq!(is_plain_text(&headers(&[("content-type", kind)])), is_plain, "{kind}");
        }
        assert!(!is_plain_text(&HeaderMap::new()));
        let two = headers(&[("content-type", "application/json"), ("content-type", "text/plain")]);
        assert!(is_plain_text(&two));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_fail(text in "[ -~]{0,40}") {
            let _ = is_this_page(&headers(&[("origin", &text), ("host", &text)]));
        }
    }
}
