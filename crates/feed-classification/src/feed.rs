//! Feed names: the classifications of attributes that a consumer can request.

use crate::names::named;

named! {
    /// A feed name, as in a URL.
    ///
    /// The names are a closed set; see the crate's documentation for feeds of your own.
    ///
    /// ```
    /// use feed_classification::FeedName;
    ///
    /// let feed: FeedName = "block".parse()?;
    /// assert!(feed.wants_published() && feed.enforces_warninglists());
    /// # Ok::<(), feed_classification::UnknownName>(())
    /// ```
    pub enum FeedName as "feed name" {
        /// Indicators of incidents, for the analysts who handle them.
        Incident = "incident",
        /// Indicators that should raise an alert where they are seen.
        Alert = "alert",
        /// Indicators that devices block.
        Block = "block",
        /// Indicators to look for in the past.
        Hunt = "hunt",
        /// The first feed whose tag the site file defines.
        Cust1 = "cust1",
        /// The second feed whose tag the site file defines.
        Cust2 = "cust2",
        /// The third feed whose tag the site file defines.
        Cust3 = "cust3",
        /// The fourth feed whose tag the site file defines.
        Cust4 = "cust4",
        /// The fifth feed whose tag the site file defines.
        Cust5 = "cust5",
        /// Every indicator of published events, with or without a classification.
        Any = "any",
        /// As any, and MISP's warninglists are not enforced.
        FortyTwo = "42",
    }
}

impl FeedName {
    /// Returns whether only published events count (`block`, `cust1` to `cust5`, `any`, `42`).
    ///
    /// The others take all events, since analysts classify before they publish.
    #[must_use]
    pub const fn wants_published(self) -> bool {
        !matches!(self, Self::Incident | Self::Alert | Self::Hunt)
    }

    /// Returns whether MISP leaves out the values of its warninglists (all feeds but `42`).
    #[must_use]
    pub const fn enforces_warninglists(self) -> bool {
        !matches!(self, Self::FortyTwo)
    }

    /// Returns whether the tag of this feed comes from the site file (`cust1` to `cust5`).
    #[must_use]
    pub const fn is_custom(self) -> bool {
        matches!(
            self,
            Self::Cust1 | Self::Cust2 | Self::Cust3 | Self::Cust4 | Self::Cust5
        )
    }

    /// Returns whether an attribute needs a classification tag to be in this feed (all but `any` and `42`).
    #[must_use]
    pub const fn needs_tag(self) -> bool {
        !matches!(self, Self::Any | Self::FortyTwo)
    }
}

#[cfg(test)]
mod tests {
    use super::FeedName;

    #[test]
    fn names_read_back() {
        for (feed, name) in FeedName::ALL.iter().zip(FeedName::NAMES) {
            assert_eq!(name.parse(), Ok(*feed));
            assert_eq!(feed.to_string(), *name);
        }
        assert_eq!(FeedName::ALL.len(), 11);
    }

    #[test]
    fn every_name_has_a_sentence_for_people() {
        for feed in FeedName::ALL {
            let text = feed.summary();
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{text}");
            assert!(!text.contains(['`', '[', '_']), "{text}");
        }
        assert_eq!(FeedName::Block.summary(), "Indicators that devices block.");
    }

    #[test]
    fn case_and_white_space_count() {
        for text in ["Block", "BLOCK", " block", "block\n", "", "cust6", "cust", "43"] {
            let error = text.parse::<FeedName>().unwrap_err();
            assert_eq!(error.what(), "feed name");
            assert_eq!(error.valid().len(), 11);
        }
    }

    #[test]
    fn an_unknown_name_is_shown_bounded_and_without_characters_that_move_the_cursor() {
        let shown = |text: &str| text.parse::<FeedName>().unwrap_err().to_string();
        assert_eq!(shown("blok"), "unknown feed name `blok`");
        assert_eq!(
            shown("\u{1b}[2J\n\u{202e}ä"),
            "unknown feed name `\\u{1b}[2J\\n\\u{202e}ä`"
        );
        assert_eq!(
            shown(&"x".repeat(64)).chars().count(),
            64 + "unknown feed name ``".len()
        );
        let long = shown(&"\n".repeat(1 << 20));
        assert!(long.ends_with("\\n…`") && long.chars().count() < 100, "{long}");
    }

    #[test]
    fn only_working_feeds_of_analysts_take_unpublished_events() {
        let unpublished: Vec<_> = FeedName::ALL.iter().filter(|feed| !feed.wants_published()).collect();
        assert_eq!(unpublished, [&FeedName::Incident, &FeedName::Alert, &FeedName::Hunt]);
    }

    #[test]
    fn only_42_ignores_warninglists() {
        let ignoring: Vec<_> = FeedName::ALL
            .iter()
            .filter(|feed| !feed.enforces_warninglists())
            .collect();
        assert_eq!(ignoring, [&FeedName::FortyTwo]);
    }
}
