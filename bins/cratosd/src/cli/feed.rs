//! `cratosd feed`: one feed to standard output, without a server.

use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;
use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{
    DropList, Fault, FeedEngine, FeedError, FeedRequest, Filter, MAX_NAMED, MinScore, MispSource, RecordingSource,
    RenderedFeed, ScoreLimit, Selection, Unscored, Upstream,
};

use super::auth_key::AuthKeySource;
use super::files::{self, ConfigFiles};
use super::misp::MispAddress;
use super::progress::Progress;
use super::{names, output, runtime};
use crate::Program;
use crate::exit::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Without --auth-key-file and CRATOS_AUTH_KEY the MISP key is read from standard input.

The feed is written when it is complete, or not at all. To replace a file by a complete feed only:
  cratosd feed --site misp.example.net --auth-key-file k block ipv4 1w txt > new && mv new list")]
pub(super) struct Options {
    #[command(flatten)]
    misp: MispAddress,

    #[command(flatten)]
    auth_key: AuthKeySource,

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

    /// List each value that the feed leaves out on standard error, with the reason
    #[arg(long, env = "CRATOS_SHOW_DROPPED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    show_dropped: bool,

    #[command(flatten)]
    files: ConfigFiles,

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

pub(super) fn run(program: &Program, options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let site = files::site(&loaded, &options.misp.site)?;
    let endpoint = options.misp.endpoint;
    let key = options.auth_key.read()?;
    let upstream = Upstream::new(
        Arc::clone(site),
        Arc::clone(&loaded.mappings),
        endpoint.proto,
        endpoint.port(),
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
        let dropped = Arc::new(DropList::default());
        let engine = if options.show_dropped {
            let misp = Arc::new(MispSource::new().names_left_out(MAX_NAMED));
            let source = RecordingSource {
                source: program.source_or(&misp),
                dropped: Arc::clone(&dropped),
            };
            program.engine(Arc::new(source)).build()
        } else {
            program.engine(program.source_or(&Arc::default())).build()
        };
        let feed = ask(&engine, &upstream, &request)
            .await
            .map_err(|error| failure(&upstream, &error))?;
        if options.show_dropped {
            output::remark(dropped.text(&engine, &options.output));
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
