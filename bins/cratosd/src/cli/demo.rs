//! `cratosd demo`: a sample MISP, a site, a token and the daemon, in one process.

mod configuration;
mod guide;
mod probe;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use feed_engine::MispSource;
use site_config::ConfigStore;
use token_crypto::{Claims, ExpiryDay, Permission, Protocol, Scope, SealedToken};

use self::configuration::DemoFiles;
use self::guide::Guide;
use super::{files, listener, output, runtime, serve, token};
use crate::Program;
use crate::exit::{Failure, chain};
use crate::server::{self, Server};

/// The days until the tokens expire.
const DAYS: u32 = 30;

/// The permissions of the first token besides reading feeds.
const PERMISSIONS: [Permission; 4] = [
    Permission::Lookup,
    Permission::Context,
    Permission::Stream,
    Permission::ClearCache,
];

#[derive(Debug, Args)]
#[command(after_help = "\
The demo sends nothing to other machines and leaves no files: the sample MISP and the secrets end
with this process.")]
pub(super) struct Options {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(
        long,
        env = "CRATOS_LISTEN",
        hide_env_values = true,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
}

pub(super) fn run(program: &Program, options: &Options) -> Result<(), Failure> {
    runtime::block_on(async {
        let listener = listener::bind(options.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::failed(error.to_string()))?;
        let sim = misp_sim::demo()
            .start()
            .await
            .map_err(|error| Failure::failed(format!("the sample MISP does not start: {}", chain(&error))))?;
        let files = DemoFiles::write(sim.addr())?;
        let store = Arc::new(ConfigStore::open(files.paths()).map_err(Failure::configuration)?);
        let expires = ExpiryDay::days_from(token::today(), DAYS);
        let (token, reporter) = (
            mint(&store, sim.addr(), expires)?,
            mint_reporter(&store, sim.addr(), expires)?,
        );
        let misp = Arc::new(MispSource::new());
        let engine = program.engine(program.source_or(&misp)).build();
        let gateway = server::gateway(ConfigStore::clone(&store), engine, misp)
            .map_err(|error| Failure::failed(chain(&error)))?;
        let server = Server::new(gateway).map_err(Failure::configuration)?;

        let base = format!("http://{}", listener::reachable(address));
        let greeting = async {
            let etag = probe::first_etag(&format!("{base}{}", guide::FIRST_FEED), &token).await?;
            let guide = Guide {
                misp: sim.addr(),
                base: &base,
                token: &token,
                reporter: &reporter,
                expires,
                etag: &etag,
            };
            output::print(guide.to_string())
        };
        let greeting = async {
            match greeting.await {
                Ok(()) => std::future::pending().await,
                Err(failure) => failure,
            }
        };
        serve::serve(Arc::new(server), store, listener, greeting).await
    })
}

/// Makes a token for the sample MISP that shows everything: every feed, look-ups with their events, streams.
fn mint(store: &ConfigStore, misp: SocketAddr, expires: ExpiryDay) -> Result<SealedToken, Failure> {
    let loaded = store.current();
    let key = misp_sim::Sim::READER_KEY.into();
    let claims = Claims::new(misp.ip().to_string(), Protocol::Http, misp.port(), key, expires)
        .with_scope(Scope::new().with_permissions(PERMISSIONS))
        .with_label("demo");
    token::seal(&files::key_ring(&loaded.core)?, &claims)
}

/// Makes a token for a sensor, with the key of a MISP user who may report sightings.
fn mint_reporter(store: &ConfigStore, misp: SocketAddr, expires: ExpiryDay) -> Result<SealedToken, Failure> {
    let loaded = store.current();
    let key = misp_sim::Sim::REPORTER_KEY.into();
    let claims = Claims::new(misp.ip().to_string(), Protocol::Http, misp.port(), key, expires)
        .with_scope(Scope::new().with_permissions([Permission::Sightings]))
        .with_label("sensor");
    token::seal(&files::key_ring(&loaded.core)?, &claims)
}
