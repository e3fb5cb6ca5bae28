//! `GET /tags/index/searchall:TEXT`: which tags a MISP has.

use serde::Deserialize;

use super::read;
use crate::json::lenient::{self, Text};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/tags/index";
/// A tag takes some 300 bytes, and a MISP with every taxonomy and galaxy has some 20 000 of them.
const MAX_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
}

#[derive(Deserialize)]
struct RawTag {
    #[serde(default)]
    name: Text,
}

impl Client {
    /// Returns the names of the tags that have this text in them, whatever its case, as far as the key may see them. The text is 3 to 64
    /// ASCII letters, digits, `-` and `_`: MISP takes other characters for something else (`tags/search` finds nothing with an encoded
    /// `%`; a slash and a colon end the text).
    ///
    /// MISP counts the use of each tag for this, so it is no question for every request.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for another text; any [`ErrorKind`] of a question that was asked.
    pub async fn tags_with(&self, text: &str) -> Result<Vec<String>, Error> {
        let body = self.ask_small(request(text)?, MAX_BYTES).await?;
        let raw: Raw = read(&body, ENDPOINT)?;
        let wanted = text.to_ascii_lowercase();
        let names = raw.tags.into_iter().filter_map(|tag| tag.name.into_option());
        // A MISP, or something before it, that drops the argument answers with all tags.
        Ok(names
            .filter(|name| name.to_ascii_lowercase().contains(&wanted))
            .collect())
    }
}

fn request(text: &str) -> Result<Request, Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(3..=64).contains(&text.len()) || !text.bytes().all(is_plain) {
        return Err(Error::new(ErrorKind::InvalidSearch)
            .with_detail("tags are found by 3 to 64 ASCII letters, digits, `-` and `_`")
            .at(ENDPOINT));
    }
    Ok(Request::get(ENDPOINT).with_path(format!("{ENDPOINT}/searchall:{text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_goes_into_the_path() {
        let asked = request("incident-classification").unwrap();
        assert_eq!(asked.path, "/tags/index/searchall:incident-classification");
        for wrong in [
            "",
            "ab",
            "a/b/c",
            "example:x",
            "50%25",
            "a b c",
            "\u{e6}\u{e6}\u{e6}",
            &"x".repeat(65),
        ] {
            assert!(request(wrong).is_err(), "{wrong}");
        }
    }
}
