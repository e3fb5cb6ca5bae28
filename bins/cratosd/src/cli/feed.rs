//! `cratosd feed`: one feed to standard output, without a server.

use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;
use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{
    Fault, FeedEngine, FeedError, FeedRequest, Filter, MinScore, MispSource, RenderedFeed, ScoreLimit, Selection,
    Unscored, Upstream,
};

use super::auth_key::AuthKeySource;
use super::drop_list::{Dropped, MOST_NAMED, Noting};
use super::files::{self, ConfigFiles};
use super::misp::MispAddress;
use super::progress::Progress;
use super::{names, output, runtime};
use crate::exit::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Without --auth-key-file and CRATOS_AUTH_KEY the MISP key is read from standard input.

The feed is written when it is complete, or not at all. To replace a file only by a good one:
  cratosd feed --site misp.example.net --auth-key-file k block ipv4 1w txt > new && mv new list")]
pub(super) struct Options {
    #[command(flatten)]
    misp: MispAddress,

    #[command(flatten)]
    auth_key: AuthKeySource,

    /// Leave out what is more closed than this TLP level
    #[arg(long, env = "CRATOS_MAX_TLP", hide_env_values = true, value_name = "LEVEL", value_parser = names::tlp())]
    max_tlp: Option<Tlp>,

    /// Leave out what is worth less by the site's decaying model, from 0 to 100
    #[arg(long, env = "CRATOS_MIN_SCORE", hide_env_values = true, value_name = "SCORE")]
    min_score: Option<MinScore>,

    /// What becomes of what has no score
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

    /// Name on standard error every value that MISP has and the feed leaves out, with the reason
    #[arg(long, env = "CRATOS_SHOW_DROPPED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    show_dropped: bool,

    #[command(flatten)]
    files: ConfigFiles,

    /// Which feed
    #[arg(value_name = "FEED", value_parser = names::feed())]
    feed: FeedName,

    /// Which type of indicator
    #[arg(value_name = "TYPE", value_parser = names::indicator_type())]
    kind: IndicatorType,

    /// How recently an indicator must have changed
    #[arg(value_name = "AGE", value_parser = names::age())]
    age: Age,

    /// In which format
    #[arg(value_name = "OUTPUT", value_parser = names::output())]
    output: String,
}

impl Options {
    fn filter(&self) -> Filter {
        let filter = self
            .max_tlp
            .map_or(Filter::NONE, |level| Filter::NONE.with_max_tlp(level));
        let unscored = self.unscored;
        self.min_score
            .map_or(filter, |min| filter.with_score(ScoreLimit { min, unscored }))
    }
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let site = files::site(&loaded, &options.misp.site)?;
    let reached = options.misp.reached;
    let key = options.auth_key.read()?;
    let upstream = Upstream::new(
        Arc::clone(site),
        Arc::clone(&loaded.mappings),
        reached.proto,
        reached.port(),
        key,
    );
    let request = FeedRequest::new(
        Selection::Feed(options.feed),
        options.kind,
        options.age,
        options.output.as_str(),
    )
    .filter(options.filter());
    runtime::block_on(async {
        let dropped = Arc::new(Dropped::default());
        let engine = if options.show_dropped {
            let misp = MispSource::new().names_left_out(MOST_NAMED);
            let source = Noting {
                misp,
                dropped: Arc::clone(&dropped),
            };
            FeedEngine::builder().source(Arc::new(source)).build()
        } else {
            FeedEngine::default()
        };
        let feed = ask(&engine, &upstream, &request)
            .await
            .map_err(|error| failure(&upstream, &error))?;
        if options.show_dropped {
            output::remark(dropped.shown(&engine, &options.output));
        }
        let body = feed.body.bytes().await;
        output::print(&body.map_err(|error| failure(&upstream, &error))?)
    })
}

async fn ask(engine: &FeedEngine, upstream: &Upstream, request: &FeedRequest) -> Result<RenderedFeed, FeedError> {
    let _shown = Progress::of(format!("asking {}", upstream.address()));
    engine.feed(upstream, request).await
}

fn failure(upstream: &Upstream, error: &FeedError) -> Failure {
    match error.fault() {
        Fault::Caller => Failure::usage(error.chain()),
        Fault::Upstream => Failure::unavailable(format!("{}: {}", upstream.address(), error.chain())),
        _ => Failure::failed(error.chain()),
    }
}
