//! The body of a form as names and values: URL-encoded or multipart, as browsers write it.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use multer::Multipart;

/// Names and values in their order. A name can occur several times, for example once for each ticked feed.
pub(super) type Entries = Vec<(String, String)>;

/// Why a body cannot be read as a form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unreadable {
    /// `Content-Type` names something else.
    NoForm,
    /// The body does not have the form that `Content-Type` names.
    Broken,
}

impl Unreadable {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoForm => {
                "What was sent is no form: it has to be application/x-www-form-urlencoded or multipart/form-data."
            }
            Self::Broken => "What was sent is no whole form.",
        }
    }
}

/// Reads a form. An empty body is an empty form. Bytes that are not UTF-8 become U+FFFD.
pub(super) async fn read(content_type: Option<&HeaderValue>, body: Bytes) -> Result<Entries, Unreadable> {
    if body.is_empty() {
        return Ok(Entries::new());
    }
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(form_urlencoded::parse(&body).into_owned().collect());
    }
    if kind.eq_ignore_ascii_case("multipart/form-data") {
        return parts(content_type, body).await.map_err(|_| Unreadable::Broken);
    }
    Err(Unreadable::NoForm)
}

async fn parts(content_type: &str, body: Bytes) -> Result<Entries, multer::Error> {
    let boundary = multer::parse_boundary(content_type)?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut entries = Entries::new();
    while let Some(part) = parts.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let value = part.bytes().await?;
        entries.push((name, String::from_utf8_lossy(&value).into_owned()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(content_type: &'static str, body: &[u8]) -> Result<Entries, Unreadable> {
        let content_type = HeaderValue::from_static(content_type);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(Some(&content_type), Bytes::copy_from_slice(body)))
    }

    fn pairs(entries: &[(&str, &str)]) -> Entries {
        let owned = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn both_ways_of_writing_a_form_give_the_same() {
        let expected = pairs(&[("feeds", "block"), ("feeds", "42"), ("label", "a b&\u{e6}")]);
        let encoded = form(
            "application/x-www-form-urlencoded; charset=UTF-8",
            b"feeds=block&feeds=42&label=a+b%26%c3%a6",
        );
        assert_eq!(encoded, Ok(expected.clone()));
        let mut parts = String::new();
        for (name, value) in &expected {
            parts.push_str(&format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        parts.push_str("--x--\r\n");
        assert_eq!(form("Multipart/Form-Data; boundary=x", parts.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_no_form_is_refused_and_nothing_at_all_is_an_empty_one() {
        assert_eq!(form("application/json", b"{}"), Err(Unreadable::NoForm));
        assert_eq!(form("text/plain", b"a=b"), Err(Unreadable::NoForm));
        assert_eq!(form("multipart/form-data", b"a=b"), Err(Unreadable::Broken));
        assert_eq!(
            form("multipart/form-data; boundary=x", b"--x\r\nContent-"),
            Err(Unreadable::Broken)
        );
        assert_eq!(form("text/plain", b""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(
            body in prop::collection::vec(any::<u8>(), 0..200),
            text in "(--x|--|\r\n|Content-Disposition: form-data; name=\"a\"|Content-Type: x/y|;|=|&|%|.){0,30}",
        ) {
            for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                let _ = form(kind, &body);
                let _ = form(kind, text.as_bytes());
            }
        }
    }
}
