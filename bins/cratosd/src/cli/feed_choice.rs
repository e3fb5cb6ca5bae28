//! The feed of a command, and the limits on it.

use std::num::NonZeroU32;

use clap::{Args, value_parser};
use feed_classification::{Age, ExportOption, FeedName, IndicatorType, Options, Registry, Tlp};
use feed_engine::{FeedRequest, Filter, MAX_LIMIT, MinScore, ScoreLimit, Selection, Unscored};

use super::names;
use crate::exit::Failure;

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

    /// Set an option of the format, for example action=nodata; may be given for each option
    #[arg(
        long = "option",
        env = "CRATOS_OPTION",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "NAME=VALUE"
    )]
    options: Vec<String>,

    /// Keep the newest indicators only, this many at most; it never raises the limit of the format
    #[arg(
        long,
        env = "CRATOS_LIMIT",
        hide_env_values = true,
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..=i64::from(MAX_LIMIT))
    )]
    limit: Option<u32>,
}

impl FeedChoice {
    /// Returns the request for it, without limits on its indicators other than their number.
    ///
    /// # Errors
    /// A usage error for an option that the format does not have, and for a value that it does not take.
    pub(super) fn request(&self, registry: &Registry) -> Result<FeedRequest, Failure> {
        let exporter = registry.by_name(&self.output);
        let declared = exporter.map_or(&[][..], |exporter| exporter.about().options);
        let pairs = self.options.iter().map(|text| pair(text, &self.output, declared));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        let options = Options::of(declared, &pairs).map_err(|wrong| {
            let mistakes: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            Failure::usage(format!("--option: {}", mistakes.join("; ")))
        })?;
        let feed = Selection::Feed(self.feed);
        let request = FeedRequest::new(feed, self.kind, self.age, self.output.as_str()).options(options);
        let limit = self.limit.and_then(NonZeroU32::new);
        Ok(limit.map_or(request.clone(), |limit| request.limit(limit)))
    }
}

/// Cuts `NAME=VALUE` apart. A query ignores unknown names; here they are more likely a slip.
fn pair<'t>(text: &'t str, output: &str, declared: &[ExportOption]) -> Result<(&'t str, &'t str), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::usage(format!("--option {text}: write it as NAME=VALUE")))?;
    if declared.iter().any(|option| option.name == name) {
        return Ok((name, value));
    }
    let names: Vec<&str> = declared.iter().map(|option| option.name).collect();
    let known = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    Err(Failure::usage(format!(
        "--option {name}: the output {output} has no such option; {known}"
    )))
}
