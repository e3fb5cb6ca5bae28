//! The feeds that devices ask for: 11 feeds of 12 types.

use feed_classification::FeedName;

/// The types of indicators, those that the stand-in holds many of.
pub(super) const TYPES: [&str; 12] = [
    "domain",
    "hostname",
    "url",
    "ipv4",
    "ipv6",
    "cidr4",
    "file-md5",
    "file-sha1",
    "file-sha256",
    "mutex",
    "email-address",
    "vulnerability",
];

/// A feed of a type, for example `block` and `domain`.
#[derive(Clone, Copy)]
pub(super) struct Feed {
    pub(super) name: FeedName,
    pub(super) kind: &'static str,
}

/// All feeds of all types.
pub(super) const FEEDS: [Feed; FeedName::ALL.len() * TYPES.len()] = {
    let mut feeds = [Feed {
        name: FeedName::Block,
        kind: "domain",
    }; FeedName::ALL.len() * TYPES.len()];
    let mut at = 0;
    while at < feeds.len() {
        feeds[at] = Feed {
            name: FeedName::ALL[at % FeedName::ALL.len()],
            kind: TYPES[at / FeedName::ALL.len()],
        };
        at += 1;
    }
    feeds
};

impl Feed {
    /// Returns its path.
    pub(super) fn path(self, age: &str) -> String {
        format!("/v1/feed/{}/type/{}/age/{age}/output/txt", self.name, self.kind)
    }
}
