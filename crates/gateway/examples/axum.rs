//! The feeds of a gateway beside the routes of an axum program, with a format and a list of its own and without any
//! MISP: `GET /v1/feed/any/type/domain/age/1w/output/hosts` gives a hosts file, `GET /hello` is the program's own.

use std::{error::Error, io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::ConnectInfo, routing::get};
use feed_classification::{About, Exporter, Indicator, IndicatorSet, Registry};
use feed_engine::{Errand, FeedEngine, FeedScope, GatherFuture, IndicatorSource, Upstream};
use gateway::Gateway;
use site_config::{ConfigStore, Paths};

/// The program's own format and its own list.
#[derive(Debug)]
struct Hosts;

impl Exporter for Hosts {
    fn about(&self) -> &About {
        const { &About::new("hosts", "A hosts file that sends each name to 0.0.0.0.") }
    }
    fn entry(&self, item: &Indicator<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "0.0.0.0 {}", item.value)
    }
}

impl IndicatorSource for Hosts {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move { Ok(IndicatorSet::of(scope.kind, ["a.example", "b.example"]).into()) })
    }
}

pub(crate) fn gateway(paths: Paths) -> Result<Gateway, Box<dyn Error>> {
    let engine = FeedEngine::builder()
        .source(Arc::new(Hosts))
        .registry(Registry::builtin().with(Hosts))
        .build();
    let gateway = Gateway::builder(ConfigStore::open(paths)?, engine);
    Ok(gateway
        .peer(|seen| Some(seen.get::<ConnectInfo<SocketAddr>>()?.0.ip()))
        .build()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = gateway(Paths::below("."))?;
    let _background = gateway.start();
    let router = Router::new().route("/hello", get("Hello")).fallback_service(gateway);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
