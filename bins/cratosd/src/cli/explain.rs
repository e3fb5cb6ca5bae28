//! `cratosd explain`: why a value is in a feed or not, without a server.

mod lines;

use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;
use feed_classification::Tlp;
use feed_engine::View;

use super::auth_key::AuthKeySource;
use super::feed::{failure, upstream};
use super::feed_choice::{FeedChoice, Limits};
use super::files::ConfigFiles;
use super::misp::MispAddress;
use super::progress::Progress;
use super::{output, runtime};
use crate::Program;
use crate::exit::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Without --auth-key-file and CRATOS_AUTH_KEY the MISP key is read from standard input.

MISP is asked for the attributes with this value. MISP compares whole texts, so attributes with
another spelling are missing: /v1/explain of a daemon with a mirror shows them too.")]
pub(super) struct Options {
    #[command(flatten)]
    misp: MispAddress,

    #[command(flatten)]
    auth_key: AuthKeySource,

    #[command(flatten)]
    limits: Limits,

    /// Say into which network the value is merged
    #[arg(long, env = "CRATOS_AGGREGATE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    aggregate: bool,

    #[command(flatten)]
    files: ConfigFiles,

    #[command(flatten)]
    feed: FeedChoice,

    /// The value, in any spelling
    #[arg(value_name = "VALUE")]
    value: String,
}

pub(super) fn run(program: &Program, options: &Options) -> Result<(), Failure> {
    let loaded = options.files.load()?;
    let upstream = upstream(&loaded, &options.misp, &options.auth_key)?;
    let request = options
        .feed
        .request(program.registry())?
        .filter(options.limits.filter());
    let request = request.aggregate(options.aggregate);
    runtime::block_on(async {
        let engine = program.engine(program.source_or(&Arc::default())).build();
        let explained = {
            let _shown = Progress::of(format!("asking {}", upstream.address()));
            engine
                .explain(&upstream, &request, &options.value, View::up_to(Tlp::Red))
                .await
        };
        let explained = explained.map_err(|error| failure(&upstream, &error))?;
        output::print(lines::of(&explained, &request))
    })
}
