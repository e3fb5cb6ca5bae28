//! `cratosd feed`: one feed to standard output, without a server.

use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;
use feed_classification::Registry;
use feed_engine::{
    DropList, Fault, FeedEngine, FeedError, FeedRequest, MAX_NAMED, MispSource, RecordingSource, RenderedFeed, Upstream,
};
use site_config::Loaded;

use super::auth_key::AuthKeySource;
use super::feed_choice::{FeedChoice, Limits};
use super::files::{self, ConfigFiles};
use super::misp::MispAddress;
use super::progress::Progress;
use super::{output, runtime};
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

    #[command(flatten)]
    limits: Limits,

    /// List each value that the feed leaves out on standard error, with the reason
    #[arg(long, env = "CRATOS_SHOW_DROPPED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    show_dropped: bool,

    #[command(flatten)]
    files: ConfigFiles,

    #[command(flatten)]
    feed: FeedChoice,
}

pub(super) fn run(program: &Program, options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let upstream = upstream(&loaded, &options.misp, &options.auth_key)?;
    let request = options
        .feed
        .request(program.registry())?
        .filter(options.limits.filter());
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
            output::remark(dropped.text(&engine, &request));
        }
        if feed.truncated > 0 {
            output::remark(truncated(feed.truncated, program.registry(), &request));
        }
        let body = feed.body.bytes().await;
        output::print(&body.map_err(|error| failure(&upstream, &error))?)
    })
}

/// Returns the line about the values that a length limit cuts off.
fn truncated(values: u64, registry: &Registry, request: &FeedRequest) -> String {
    let output = &request.output;
    let of_output = registry.by_name(output).and_then(|exporter| exporter.about().most);
    let cause = match request.limit.filter(|limit| of_output.is_none_or(|most| *limit < most)) {
        Some(limit) => format!("--limit keeps the newest {limit}"),
        None => format!("the output {output} takes only so many"),
    };
    format!("truncated: {values} older values, since {cause}\n")
}

async fn ask(engine: &FeedEngine, upstream: &Upstream, request: &FeedRequest) -> Result<RenderedFeed, FeedError> {
    let _shown = Progress::of(format!("asking {}", upstream.address()));
    engine.feed(upstream, request).await
}

/// Returns the MISP of a command with its key.
///
/// # Errors
/// A usage error for a site that is not served, and without a key.
pub(super) fn upstream(loaded: &Loaded, misp: &MispAddress, auth_key: &AuthKeySource) -> Result<Upstream, Failure> {
    let site = files::site(loaded, &misp.site)?;
    let endpoint = misp.endpoint;
    Ok(Upstream::new(
        Arc::clone(site),
        Arc::clone(&loaded.mappings),
        endpoint.proto,
        endpoint.port(),
        auth_key.read()?,
    ))
}

/// Returns the failure of a command that asked for a feed.
pub(super) fn failure(upstream: &Upstream, error: &FeedError) -> Failure {
    match error.fault() {
        Fault::Caller => Failure::usage(error.chain()),
        Fault::Upstream => Failure::unavailable(format!("{}: {}", upstream.address(), error.chain())),
        _ => Failure::failed(error.chain()),
    }
}
