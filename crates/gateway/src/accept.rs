//! The header `Accept`: a page or JSON (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

use crate::accept_encoding::offer;

/// Returns whether the caller names HTML and does not prefer JSON.
///
/// Browsers do. Programs send `*/*`, name JSON or send no `Accept`, and get JSON as from Cratos FastAPI.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let offers: Vec<(&str, u16)> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(',').map(offer))
        .collect();
    let weight = |name: &str| {
        let named = offers.iter().find(|(range, _)| range.eq_ignore_ascii_case(name));
        named.map_or(0, |(_, weight)| *weight)
    };
    weight("text/html") > 0 && weight("text/html") >= weight("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn html(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        prefers_html(&headers)
    }

    #[test]
    fn browsers_get_html() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html, application/xhtml+xml, image/jxr, */*",
            "TEXT/HTML",
            "text/html,application/json",
        ] {
            assert!(html(accept), "{accept}");
        }
    }

    #[test]
    fn programs_get_json() {
        assert!(!prefers_html(&HeaderMap::new()));
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "text/html;q=0",
            "text/html;q=0.5, application/json",
            "text/htmlx",
        ] {
            assert!(!html(accept), "{accept}");
        }
    }
}
