//! The places of a token in a request, and their order.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderMap};
use zeroize::Zeroizing;

use crate::query::Query;
use crate::reject::Reject;

/// The user name with which the whole token is the password.
const USER: &str = "cratos";

/// Some devices omit the `=` at the end of their credentials.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns the token of a request.
///
/// Only the first place with a text counts, even if its token is wrong and a later one is right. The path is first,
/// since devices that use it cannot remove the credentials that a proxy adds. Then, as in Cratos FastAPI: Basic,
/// `?token=`, the header `token`. Bearer is last.
///
/// # Errors
/// 401 for unreadable Basic credentials, and without a token.
pub(super) fn token(headers: &HeaderMap, query: Query<'_>, path: Option<&str>) -> Result<Credentials, Reject> {
    let filled = |token: &Zeroizing<String>| !token.is_empty();
    if let Some(token) = path.map(owned).filter(filled) {
        return Ok(token.into());
    }
    if let Some(found) = basic(headers)?.filter(|found| filled(&found.token)) {
        return Ok(found);
    }
    let in_query = || query.last("token").map(|token| owned(&token));
    let in_header = || headers.get("token").map(|value| owned(&text(value.as_bytes())));
    let bearer = || credentials(headers, "bearer").map(|token| owned(&text(token)));
    in_query()
        .filter(filled)
        .or_else(|| in_header().filter(filled))
        .or_else(|| bearer().filter(filled))
        .map(Into::into)
        .ok_or(Reject::NoToken)
}

/// A token as the caller wrote it.
pub(super) struct Credentials {
    pub(super) token: Zeroizing<String>,
    /// The password of Basic credentials with another user name than `cratos`. User name and password together count as
    /// the token; if the password alone is one, the user name is the mistake.
    pub(super) password: Option<Zeroizing<String>>,
}

impl From<Zeroizing<String>> for Credentials {
    fn from(token: Zeroizing<String>) -> Self {
        Self { token, password: None }
    }
}

/// Reads Basic credentials: the token is the password of `cratos`, or cut anywhere into user and password.
fn basic(headers: &HeaderMap) -> Result<Option<Credentials>, Reject> {
    let Some(encoded) = credentials(headers, "basic") else {
        return Ok(None);
    };
    let decoded = Zeroizing::new(BASE64.decode(encoded).map_err(|_| Reject::BadBasic)?);
    let text = std::str::from_utf8(&decoded).map_err(|_| Reject::BadBasic)?;
    let (user, password) = text.split_once(':').ok_or(Reject::BadBasic)?;
    let user = if user == USER { "" } else { user };
    let joined = Zeroizing::new(format!("{user}{password}"));
    Ok(Some(Credentials {
        token: owned(&joined),
        password: (!user.is_empty() && !password.is_empty()).then(|| owned(password)),
    }))
}

/// Returns the credentials behind the name of this scheme in `Authorization`.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h [u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let is_whole = rest.first().is_none_or(|byte| *byte == b' ');
    (is_whole && name.eq_ignore_ascii_case(scheme.as_bytes())).then(|| rest.trim_ascii())
}

/// Returns the text of a token. All good ones are ASCII, which is seen at once.
fn text(token: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(token).map_or_else(|_| String::from_utf8_lossy(token), Cow::Borrowed)
}

/// Removes white space around a token, for example the line end of a token file. Cratos FastAPI ignores it too.
fn owned(token: &str) -> Zeroizing<String> {
    Zeroizing::new(token.trim_ascii().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn presented(headers: &[(&'static str, &str)], query: &str, path: Option<&str>) -> Result<String, Reject> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        token(&headers, Query::new(Some(query)), path).map(|found| found.token.to_string())
    }

    fn basic(pair: &str) -> (&'static str, String) {
        ("authorization", format!("Basic {}", BASE64.encode(pair)))
    }

    #[test]
    fn the_way_that_counts_is_path_then_basic_then_query_then_header_then_bearer() {
        let (name, both) = basic("cratos:in-basic");
        let all = [(name, both.as_str()), ("token", "in-header")];
        assert_eq!(presented(&all, "token=in-query", Some("in-path")).unwrap(), "in-path");
        assert_eq!(presented(&all, "token=in-query", None).unwrap(), "in-basic");
        let bearer = ("authorization", "Bearer in-bearer");
        assert_eq!(
            presented(&[bearer, ("token", "in-header")], "token=in-query", None).unwrap(),
            "in-query"
        );
        assert_eq!(
            presented(&[bearer, ("token", "in-header")], "token=", None).unwrap(),
            "in-header"
        );
        assert_eq!(presented(&[bearer, ("token", "")], "x=1", None).unwrap(), "in-bearer");
    }

    #[test]
    fn basic_takes_the_token_whole_or_cut_anywhere() {
        for pair in ["cratos:abcd=", "abcd=:", ":abcd=", "a:bcd=", "abcd:="] {
            let (name, value) = basic(pair);
            assert_eq!(presented(&[(name, &value)], "", None).unwrap(), "abcd=", "{pair}");
        }
        for (pair, token) in [
            ("CRATOS:abcd", "CRATOSabcd"),
            ("cratos:a:b", "a:b"),
            ("bob:abcd", "bobabcd"),
        ] {
            let (name, value) = basic(pair);
            assert_eq!(presented(&[(name, &value)], "", None).unwrap(), token);
        }
    }

    #[test]
    fn basic_that_cannot_be_read_is_401_even_beside_a_good_token() {
        for value in ["Basic !!!", "Basic", "Basic ", "basic bm9jb2xvbg==", "BASIC /w=="] {
            let outcome = presented(&[("authorization", value)], "token=good", None);
            assert!(matches!(outcome, Err(Reject::BadBasic)), "{value}");
        }
    }

    #[test]
    fn empty_credentials_count_as_none() {
        for pair in [":", "cratos:"] {
            let (name, value) = basic(pair);
            assert_eq!(presented(&[(name, &value)], "token=good", None).unwrap(), "good");
        }
        for header in ["Bearer", "Bearer ", "Bearerx", "Digest x", ""] {
            assert!(
                matches!(presented(&[("authorization", header)], "", None), Err(Reject::NoToken)),
                "{header}"
            );
        }
    }

    #[test]
    fn white_space_around_a_token_is_no_part_of_it() {
        let (name, value) = basic("cratos:abcd=\n");
        assert_eq!(presented(&[(name, &value)], "", None).unwrap(), "abcd=");
        assert_eq!(presented(&[], "token=abcd%3D%0D%0A", None).unwrap(), "abcd=");
        assert_eq!(presented(&[], "token=+abcd+", None).unwrap(), "abcd");
        assert_eq!(presented(&[], "", Some("abcd\n")).unwrap(), "abcd");
        assert_eq!(presented(&[("token", "good")], "token=%20", None).unwrap(), "good");
    }

    #[test]
    fn schemes_are_read_in_any_case() {
        assert_eq!(
            presented(&[("authorization", "bEARER   abc ")], "", None).unwrap(),
            "abc"
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(scheme in "(Basic|bearer|.{0,3}) ?", bytes in prop::collection::vec(32u8..=255, 0..40), query in ".{0,20}") {
            let mut value = scheme.into_bytes();
            value.extend(bytes);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(header::AUTHORIZATION, value.clone());
                headers.insert("token", value);
                let _ = token(&headers, Query::new(Some(&query)), None);
            }
        }

        #[test]
        fn a_token_cut_in_two_comes_together(token in "[A-Za-z0-9_-]{1,60}={0,2}", cut in 0usize..60) {
            let (user, password) = token.split_at(cut.min(token.len()));
            prop_assume!(user != USER);
            let (name, value) = basic(&format!("{user}:{password}"));
            prop_assert_eq!(presented(&[(name, &value)], "", None).unwrap(), token);
        }
    }
}
