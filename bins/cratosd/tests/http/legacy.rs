//! Tokens of Cratos FastAPI on every route that takes a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feed_classification::IndicatorSetBuilder;
use feed_engine::{
    Errand, FeedContents, FeedEngine, FeedScope, GatherFuture, IndexFuture, IndicatorSource, LookupIndex, LookupScope,
    Upstream,
};
use http::Method;

use crate::support::{Ask, Daemon, FEED, SITE, Setup};

/// Cratos FastAPI made this token for `https;443;misp.example.net`; it expires at the end of 2099.
const TOKEN: &str = "gAAAAABrAjbaGVl0Pm6CU4Gsntp2Q60ePl1eU2Q9UI_pGrugoBn78weGlW-GSjSqINOP02x5yI5DZxRxJF93i8l0cdzJOUjWCKZgz3tR04psAPPBjagzeeAEJkKN22Z0J3iNImuhRYyJ_9GERSZgRZCpbhg1dAjSmWSBwP7dNGke3zm88dlb08k=";
const EXPIRED: &str = "gAAAAABrAjbcVYSDDP0mGvEYlkp1kCdg_WbOZnP6MZmsH33rC8IKlfZE_zDIy8-gTia49BK-Se9uF3wOLEoPSM8BkZ-rSc-riuFOBABDVctUKX8fuV3vZsct7_5nwhUus-4n4X7H2jt4IIenJg-zLAkDojZ_9uP7v5rW7BoxroFPyX2y3IgKUlc=";
const IMPOSSIBLE_DATE: &str = "gAAAAABrAjbdBr4T64ejBmLQMc52g8ldX0XTPar9aNwPI7Eh2P-ul2MjXGM2ffcl3bUSj6vz78uurw8bP1H2lhTowyGOGBeMKaPACt_d0R4So7tLRrYuGj4vNfQT0D5DTodLOjmQOIQyz3aAMwfY6xTRUATeFcpZ6c5AnpaDYKcPLEbjfJdgKhg=";
const FOUR_PARTS: &str = "gAAAAABrAjboPAJiYf4_I_Bmkd6peXCwnTX2m9oHfuicNS_mQSZ3U2hh-TrlIPa19o7D_3XayCPRSNrvBzUSgIyPGNSIVlE_FCdSmUbZL3KL52ZzT2iP7s06kNP61RNyI3q5q5M9rPgcMyNxwuYcs2gRy8QJU2BOyg==";

/// Stands for the MISP that the token names, which a test cannot reach.
#[derive(Debug)]
struct OneAddress;

impl IndicatorSource for OneAddress {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            let mut set = IndicatorSetBuilder::new(scope.kind);
            set.push("198.51.100.7");
            Ok(FeedContents::new(set.finish(), BTreeMap::new()))
        })
    }

    fn index<'a>(&'a self, _: &'a Upstream, _: LookupScope, _: &'a Errand) -> IndexFuture<'a> {
        Box::pin(async { Ok(LookupIndex::default()) })
    }
}

async fn daemon() -> Daemon {
    let setup = Setup {
        core: "accept_legacy_tokens: True\n".to_owned(),
        engine: FeedEngine::builder().source(Arc::new(OneAddress)).build(),
        ..Setup::default()
    };
    let daemon = Daemon::with(setup).await;
    daemon.write("sites/misp.example.net.yaml", SITE);
    daemon.store.reload();
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_token_works_on_every_route_and_in_every_transport() {
    let daemon = daemon().await;
    let organisation = "/v1/uuid/5c0ba7a0-0001-4000-8000-000000000001/type/ipv4/age/1w/output/txt";
    for path in [FEED, organisation, "/v1/feedmapping"] {
        for ask in [
            Ask::get(path).header("token", TOKEN),
            Ask::get(&format!("{path}?token={TOKEN}")),
            Ask::get(&format!("{path}?token={}", TOKEN.replace('=', "%3D"))),
            Ask::get(&format!("/t/{TOKEN}{path}")),
            Ask::get(path).header("authorization", format!("Bearer {TOKEN}")),
        ] {
            assert_eq!(daemon.send(ask).await.status, 200, "{path}");
        }
    }
    let clear = FEED.replace("/v1/feed", "/v1/clear_cache/feed");
    let cleared = daemon
        .send(Ask::new(Method::DELETE, &clear).header("token", TOKEN))
        .await;
    assert_eq!((cleared.status.as_u16(), cleared.text()), (200, "{\"ok\":true}"));
}

/// Tokens that were copied badly into a device worked with Cratos FastAPI: its decoder skipped characters outside
/// base64.
#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_token_works_with_what_the_reference_skipped() {
    let daemon = daemon().await;
    let (left, right) = TOKEN.split_at(50);
    let spellings = [
        format!("\"{TOKEN}\""),
        format!("{TOKEN}/"),
        format!("{TOKEN}="),
        format!("{TOKEN}=="),
        format!("{left}!{right}"),
    ];
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    let mut asks: Vec<Ask> = spellings
        .iter()
        .map(|spelling| Ask::get(FEED).header("token", spelling))
        .collect();
    asks.push(Ask::get(&format!("{FEED}?token={TOKEN}%00")));
    asks.push(Ask::get(FEED).header("authorization", basic(format!("{TOKEN}:x"))));
    asks.push(Ask::get(FEED).header("authorization", basic(format!("cratos:'{TOKEN}'"))));
    for ask in asks {
        let answer = daemon.send(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // A token that is revoked stays revoked in each of these spellings.
    let digest = token_crypto::token_sha256(TOKEN);
    daemon.write(
        "sites/misp.example.net.yaml",
        &format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n"),
    );
    daemon.store.reload();
    let mut asks: Vec<Ask> = spellings
        .iter()
        .map(|spelling| Ask::get(FEED).header("token", spelling))
        .collect();
    asks.push(Ask::get(&format!("{FEED}?token={TOKEN}%00")));
    asks.push(Ask::get(FEED).header("authorization", basic(format!("{TOKEN}:x"))));
    for ask in asks {
        let answer = daemon.send(ask).await;
        let detail = "The provided API token is blacklisted and cannot be used.";
        assert_eq!((answer.status.as_u16(), answer.detail()), (403, detail.into()));
    }
}

/// Deriving sixteen keys takes some seconds; a request takes some milliseconds.
#[tokio::test(flavor = "multi_thread")]
async fn right_after_a_start_new_tokens_are_answered_at_once_and_legacy_ones_wait_for_their_key() {
    let (key, salt) = (crate::support::KEY, crate::support::SALT);
    let others: String = (1..16).map(|n| format!(", \"{n:064}\"")).collect();
    let setup = Setup {
        core: "accept_legacy_tokens: True\n".to_owned(),
        engine: FeedEngine::builder().source(Arc::new(OneAddress)).build(),
        ..Setup::default()
    };
    let daemon = Daemon::with_core(
        setup,
        &format!("encryption_keys: [\"{key}\"{others}]\nsalt: \"{salt}\"\n"),
    )
    .await;
    daemon.write("sites/misp.example.net.yaml", SITE);
    daemon.store.reload();
    let early = tokio::spawn(Ask::get(FEED).header("token", TOKEN).send(daemon.addr));
    let broken = tokio::spawn(Ask::get(FEED).header("token", "gAAAAABrAjbo").send(daemon.addr));
    assert_eq!(daemon.get("/v1/feedmapping").await.status, 200);
    assert_eq!(daemon.send(Ask::get("/readyz")).await.status, 200);
    assert!(
        !early.is_finished(),
        "the new token was answered before the key was there"
    );
    assert_eq!(early.await.unwrap().feed(), (200, "198.51.100.7"));
    assert_eq!(broken.await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_legacy_tokens_get_the_errors_of_the_reference() {
    let daemon = daemon().await;
    let without_padding = TOKEN.trim_end_matches('=');
    for (token, detail) in [
        (EXPIRED, "The security token has expired."),
        (IMPOSSIBLE_DATE, "Invalid date in security token (Format: YYYY-MM-DD)."),
        (FOUR_PARTS, "Failed decryption of config token"),
        (without_padding, "Invalid Base64 string in use for token."),
        ("gAAAAABrAjbo", "Unknown error in CheckApiToken"),
    ] {
        let answer = daemon.send(Ask::get(FEED).header("token", token)).await;
        assert_eq!((answer.status.as_u16(), answer.detail()), (403, detail.into()));
    }
}
