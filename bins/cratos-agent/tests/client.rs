//! `cratos-client` against the real cratosd with a sample MISP: feeds, streams, look-ups, sightings and new tokens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod daemon;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cratos_client::{
    Age, Client, Error, Feed, FeedAnswer, FeedName, IndicatorType, LookUp, Scope, Sighting, StreamUpdate, Token,
    TokenOrder,
};
use feed_engine::FeedEngine;
use misp_sim::{Attribute, Event, RunningSim, Sim};
use secrecy::{ExposeSecret as _, SecretString};
use site_config::ConfigStore;

const DAY: &str = "2099-12-31";

struct World {
    sim: RunningSim,
    address: SocketAddr,
    _files: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let event = Event::new("campaign")
            .tag("example:incident-classification=block")
            .attribute(Attribute::new("ip-dst", "198.51.100.7"));
        let sim = Sim::builder().event(event).start().await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let site = format!("misp_ports: [{}]\n", sim.addr().port());
        let store = ConfigStore::open(daemon::write(files.path(), &site)).unwrap();
        let gateway = cratosd::server::gateway(store, FeedEngine::default(), Arc::default()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(cratosd::server::serve(gateway, listener, std::future::pending()));
        Self {
            sim,
            address,
            _files: files,
        }
    }

    fn client(&self, token: impl Into<SecretString>) -> Client {
        let url = format!("http://{}", self.address).parse().unwrap();
        Client::new(url, Token::new(token)).unwrap()
    }
}

fn addresses() -> Feed {
    Feed::new(FeedName::Block, IndicatorType::Ip, Age::Weeks1)
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_streams_and_look_ups_of_the_real_cratosd_are_read() {
    let world = World::start().await;
    let client = world.client(daemon::token(world.sim.addr().port()));
    let FeedAnswer::Values(values) = client.feed(&addresses(), None).await.unwrap() else {
        unreachable!("the question had no tag")
    };
    assert!(values.set.iter().eq(["198.51.100.7"]) && values.etag.is_some());
    let again = client.feed(&addresses(), values.etag.as_deref()).await.unwrap();
    assert_eq!(again, FeedAnswer::NotModified);

    let mut stream = client.follow(&addresses());
    let first = tokio::time::timeout(Duration::from_secs(60), stream.next())
        .await
        .unwrap();
    assert!(
        matches!(&first, Ok(StreamUpdate::Changed(state)) if state.set().iter().eq(["198.51.100.7"])),
        "{first:?}"
    );

    let verdict = client.look_up("198.51.100.7", &LookUp::new()).await.unwrap();
    let event = verdict.matches[0].context.as_ref().unwrap();
    assert_eq!((verdict.found, event.event_info.as_str()), (true, "campaign"));
    let both = client
        .look_up_many(&["192.0.2.9", "198.51.100[.]7"], &LookUp::new().age(Age::Weeks1))
        .await
        .unwrap();
    assert_eq!((both[0].found, both[1].looked_up.as_str()), (false, "198.51.100.7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_of_the_real_cratosd_are_typed() {
    let world = World::start().await;
    let token = daemon::token(world.sim.addr().port());
    let client = world.client(token.clone());
    let refused = world.client("nonsense").feed(&addresses(), None).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(problem) if problem.status() == 403),
        "{refused:?}"
    );
    let wrong = Feed::from_path("feed/block/type/ip/age/9w", IndicatorType::Ip);
    let rejected = client.feed(&wrong, None).await.unwrap_err();
    let fields = rejected.problem().unwrap().fields();
    assert!(
        fields.iter().any(|field| field.location.starts_with("path")),
        "{rejected:?}"
    );
    // The token lacks the permission to report.
    let forbidden = client.report(&[Sighting::new("198.51.100.7")]).await.unwrap_err();
    assert!(matches!(&forbidden, Error::Refused(_)), "{forbidden:?}");
    for error in [refused, rejected, forbidden] {
        assert!(!format!("{error:?} {error}").contains(&token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_real_cratosd_made_opens_its_feeds() {
    let world = World::start().await;
    let plain = world.client("not used");
    let order = |key: &str| {
        TokenOrder::new("127.0.0.1", SecretString::from(key), DAY)
            .plain_http()
            .port(world.sim.addr().port())
            .scope(
                Scope::new()
                    .feeds([FeedName::Block])
                    .permissions(["lookup"])
                    .label("fw1"),
            )
    };
    let minted = plain.mint(&order(Sim::READER_KEY)).await.unwrap();
    assert_eq!((minted.expires.as_str(), minted.sha256.len()), (DAY, 64));
    let client = world.client(minted.token.expose_secret());
    client.feed(&addresses(), None).await.unwrap();
    let verdict = client.look_up("198.51.100.7", &LookUp::new()).await.unwrap();
    assert!(verdict.found && verdict.context.is_none(), "the token lacks `context`");
    let other = Feed::new(FeedName::Alert, IndicatorType::Ip, Age::Weeks1);
    assert!(matches!(client.feed(&other, None).await, Err(Error::Refused(_))));
    let refused = plain.mint(&order(&"x".repeat(40))).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Rejected(problem) if problem.status() == 422),
        "{refused:?}"
    );
    assert!(!format!("{refused:?}").contains(&"x".repeat(40)));
}
