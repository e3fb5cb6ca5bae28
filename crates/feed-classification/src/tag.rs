//! Classification tags: the MISP tags that feed names map to at one site.

use std::collections::BTreeMap;

use crate::FeedName;

/// The text between the prefix of a site and the classification.
const CLASSIFICATION: &str = ":incident-classification=";

/// The tags of one site: its prefix, and the tags of the custom feeds.
///
/// ```
/// use feed_classification::{FeedName, TagScheme};
///
/// let custom = [(FeedName::Cust1, ":permanent-block".to_owned())].into();
/// let tags = TagScheme::new("example", custom);
/// assert_eq!(tags.classification_tag(FeedName::Block).unwrap(), "example:incident-classification=block");
/// assert_eq!(tags.classification_tag(FeedName::Cust1).unwrap(), "example:permanent-block");
/// assert!(!tags.defines(FeedName::Cust2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagScheme {
    prefix: String,
    custom: BTreeMap<FeedName, String>,
}

impl TagScheme {
    /// Makes the scheme of a site from its `tag` and its `custom_feeds`.
    ///
    /// Only the entries of `cust1` to `cust5` count; the others are dropped.
    #[must_use]
    pub fn new(prefix: &str, mut custom: BTreeMap<FeedName, String>) -> Self {
        custom.retain(|feed, _| feed.is_custom());
        Self {
            prefix: prefix.to_owned(),
            custom,
        }
    }

    /// Returns the prefix of the site.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the tag that an attribute of this feed carries.
    ///
    /// `None` has two meanings, and [`Self::defines`] separates them: `any` and `42` need no tag, and a custom feed
    /// that the site does not define does not exist. The latter must be refused, and never be read as "everything".
    #[must_use]
    pub fn classification_tag(&self, feed: FeedName) -> Option<String> {
        if feed.is_custom() {
            return self.custom.get(&feed).map(|rest| format!("{}{rest}", self.prefix));
        }
        feed.needs_tag().then(|| self.tag_for(feed.as_str()))
    }

    /// Returns whether this feed exists at the site: every feed but the custom ones that its file does not define.
    #[must_use]
    pub fn defines(&self, feed: FeedName) -> bool {
        !feed.is_custom() || self.custom.contains_key(&feed)
    }

    /// Returns the tag that marks a value as a false positive.
    #[must_use]
    pub fn false_positive_tag(&self) -> String {
        self.tag_for("false-positive")
    }

    fn tag_for(&self, classification: &str) -> String {
        format!("{}{CLASSIFICATION}{classification}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::{FeedName, TagScheme};

    fn scheme() -> TagScheme {
        TagScheme::new(
            "example",
            [
                (FeedName::Cust2, ":sinkhole".to_owned()),
                (FeedName::Any, ":everything".to_owned()),
            ]
            .into(),
        )
    }

    #[test]
    fn ordinary_feeds_have_the_classification_tag() {
        let tag = |feed| scheme().classification_tag(feed).unwrap();
        assert_eq!(tag(FeedName::Incident), "example:incident-classification=incident");
        assert_eq!(tag(FeedName::Hunt), "example:incident-classification=hunt");
        assert_eq!(
            scheme().false_positive_tag(),
            "example:incident-classification=false-positive"
        );
    }

    #[test]
    fn an_undefined_custom_feed_is_not_everything() {
        assert_eq!(scheme().classification_tag(FeedName::Cust1), None);
        assert!(!scheme().defines(FeedName::Cust1));
        assert!(scheme().defines(FeedName::Cust2));
    }

    #[test]
    fn any_and_42_need_no_tag_and_cannot_be_given_one() {
        for feed in [FeedName::Any, FeedName::FortyTwo] {
            assert_eq!(scheme().classification_tag(feed), None);
            assert!(scheme().defines(feed));
        }
    }
}
