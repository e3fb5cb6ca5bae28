//! The feed of a command, and the limits on it.

use clap::Args;
use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{FeedRequest, Filter, MinScore, ScoreLimit, Selection, Unscored};

use super::names;

/// The limits on the indicators of a feed.
#[derive(Debug, Args)]
pub(super) struct Limits {
    /// Leave out indicators above this TLP level
    #[arg(long, env = "CRATOS_MAX_TLP", hide_env_values = true, value_name = "LEVEL", value_parser = names::tlp())]
    max_tlp: Option<Tlp>,

    /// Leave out indicators with a lower score by the site's decaying model, from 0 to 100
    #[arg(long, env = "CRATOS_MIN_SCORE", hide_env_values = true, value_name = "SCORE")]
    min_score: Option<MinScore>,

    /// Whether indicators without a score are in the feed
    #[arg(
        long,
        env = "CRATOS_UNSCORED",
        hide_env_values = true,
        value_name = "WHAT",
        value_parser = names::unscored(),
        default_value = Unscored::default().as_str(),
        requires = "min_score"
    )]
    unscored: Unscored,
}

impl Limits {
    pub(super) fn filter(&self) -> Filter {
        let filter = self
            .max_tlp
            .map_or(Filter::NONE, |level| Filter::NONE.with_max_tlp(level));
        let unscored = self.unscored;
        self.min_score
            .map_or(filter, |min| filter.with_score(ScoreLimit { min, unscored }))
    }
}

/// A feed in one format.
#[derive(Debug, Args)]
pub(super) struct FeedChoice {
    /// Name of the feed
    #[arg(value_name = "FEED", value_parser = names::feed())]
    feed: FeedName,

    /// Type of indicator
    #[arg(value_name = "TYPE", value_parser = names::indicator_type())]
    kind: IndicatorType,

    /// The greatest age of a change to an indicator
    #[arg(value_name = "AGE", value_parser = names::age())]
    age: Age,

    /// Name of the format
    #[arg(value_name = "OUTPUT", value_parser = names::output())]
    pub(super) output: String,
}

impl FeedChoice {
    /// Returns the request for it, without limits.
    pub(super) fn request(&self) -> FeedRequest {
        FeedRequest::new(Selection::Feed(self.feed), self.kind, self.age, self.output.as_str())
    }
}
