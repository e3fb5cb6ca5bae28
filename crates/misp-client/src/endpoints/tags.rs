//! `GET /tags/index`, `/tags/index/searchall:TEXT` and `/tags/view/ID`: the tags of this MISP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::read;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/tags/index";
const VIEW: &str = "/tags/view";
/// A tag takes some 300 bytes, and a MISP with every taxonomy and galaxy has some 20 000 of them.
const MAX_BYTES: u64 = 32 << 20;

/// A tag that this MISP knows, with its use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KnownTag {
    /// MISP's number of the tag; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// The name, case-sensitive, such as `tlp:green`.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The colour, `#rrggbb`.
    #[serde(deserialize_with = "lenient::text")]
    pub colour: String,
    /// Whether the tag is shown to other MISPs.
    #[serde(deserialize_with = "lenient::flag")]
    pub exportable: bool,
    /// Number of events with this tag.
    #[serde(deserialize_with = "lenient::some_number")]
    pub count: Option<u64>,
    /// Number of attributes with this tag on this MISP, also of those that the key may not see and of deleted ones
    /// (MISP 2.5.1).
    #[serde(deserialize_with = "lenient::some_number")]
    pub attribute_count: Option<u64>,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<KnownTag>,
}

impl Client {
    /// Returns all tags that the key may see. MISP counts the use of each tag for it, which takes some seconds on a
    /// large one.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn tags(&self) -> Result<Vec<KnownTag>, Error> {
        self.read_tags(Request::get(ENDPOINT)).await
    }

    /// Returns the names of the tags that contain this text, in upper or lower case, as far as the key may see them.
    /// The text is 3 to 64 ASCII letters, digits, `-` and `_`: MISP reads other characters as something else
    /// (`tags/search` finds nothing with an encoded `%`; a slash and a colon end the text).
    ///
    /// MISP counts the use of each tag for this, so do not call it for every request.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for another text; any [`ErrorKind`] of a question.
    pub async fn tags_with(&self, text: &str) -> Result<Vec<String>, Error> {
        let tags = self.known_tags_with(text).await?;
        Ok(tags.into_iter().map(|tag| tag.name).collect())
    }

    /// Returns the tags that contain this text, with their use; text and cost as for [`tags_with`](Self::tags_with).
    ///
    /// # Errors
    /// As for [`tags_with`](Self::tags_with).
    pub async fn known_tags_with(&self, text: &str) -> Result<Vec<KnownTag>, Error> {
        let mut tags = self.read_tags(request(text)?).await?;
        let wanted = text.to_ascii_lowercase();
        // A MISP, or a proxy before it, that drops the argument answers with all tags.
        tags.retain(|tag| tag.name.to_ascii_lowercase().contains(&wanted));
        Ok(tags)
    }

    /// Returns the tag with this number, with its use. Unlike in lists of tags,
    /// [`attribute_count`](KnownTag::attribute_count) is the number of live attributes that the key may see (MISP 2.5.1).
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question; [`ErrorKind::NotFound`] for an unknown number.
    pub async fn known_tag(&self, id: u64) -> Result<KnownTag, Error> {
        let request = Request::get(VIEW).with_path(format!("{VIEW}/{id}"));
        let body = self.ask_small(request, MAX_BYTES).await?;
        read::<KnownTag>(&body, VIEW)
    }

    async fn read_tags(&self, request: Request) -> Result<Vec<KnownTag>, Error> {
        let body = self.ask_small(request, MAX_BYTES).await?;
        read::<Raw>(&body, ENDPOINT).map(|raw| raw.tags)
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
