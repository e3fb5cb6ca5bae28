//! How far an explanation reaches.

use feed_classification::Tlp;

/// What the reader of an explanation may know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// The most closed TLP level: an attribute beyond it does not exist in the explanation.
    pub max_tlp: Tlp,
    /// Whether only attributes exist that belong to the feed and are published. Then the explanation does not
    /// name who called the value harmless, since their attributes may belong to other feeds.
    pub is_within_feed: bool,
}

impl View {
    /// Returns the view of all attributes up to this level.
    #[must_use]
    pub const fn up_to(max_tlp: Tlp) -> Self {
        Self {
            max_tlp,
            is_within_feed: false,
        }
    }

    /// Returns the view without attributes of other feeds.
    #[must_use]
    pub const fn within_feed(mut self) -> Self {
        self.is_within_feed = true;
        self
    }
}
