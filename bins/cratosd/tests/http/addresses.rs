//! The addresses from which a token may be used, and revoked tokens.

use serde_json::json;
use token_crypto::{Scope, token_sha256};

use crate::support::{Ask, Daemon, SITE, Setup};

const MAPPING: &str = "/v1/feedmapping";

async fn daemon(core: &str, site: &str) -> Daemon {
    Daemon::with(Setup {
        core: core.to_owned(),
        site: site.to_owned(),
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_allowed_by_the_site_or_by_the_core_file() {
    let elsewhere = "tag: example\nallowed_ips: [\"192.0.2.0/24\"]\n";
    let refused = daemon("", elsewhere).await.get(MAPPING).await;
    assert_eq!(
        (refused.status.as_u16(), refused.detail()),
        (403, json!("127.0.0.1 are not allowed to access the MISP instance."))
    );
    let everywhere = "allways_allowed_ips: [\"127.0.0.1/32\"]\n";
    assert_eq!(daemon(everywhere, elsewhere).await.get(MAPPING).await.status, 200);
    let here = "tag: example\nallowed_ips: [\"127.0.0.0/8\"]\n";
    assert_eq!(daemon("", here).await.get(MAPPING).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_of_the_token_narrow_those_of_the_site() {
    let daemon = Daemon::start().await;
    let from = |network: &str| {
        daemon
            .claims()
            .with_scope(Scope::new().with_networks([network.parse().unwrap()]))
    };
    assert_eq!(daemon.get_as(&from("127.0.0.0/8"), MAPPING).await.status, 200);
    assert_eq!(daemon.get_as(&from("192.0.2.0/24"), MAPPING).await.status, 403);
    let closed = self::daemon("", "tag: example\n").await;
    let claims = closed
        .claims()
        .with_scope(Scope::new().with_networks(["127.0.0.0/8".parse().unwrap()]));
    assert_eq!(
        closed.get_as(&claims, MAPPING).await.status,
        403,
        "a token must not open a site"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_in_every_spelling_and_no_other_is() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let site = format!("{SITE}blacklisted_api_tokens: [\"{}\"]\n", token_sha256(&token));
    daemon.rewrite_site(&site);
    for spelling in [token.clone(), token.replace('-', "+").replace('_', "/")] {
        let answer = daemon.send(Ask::get(MAPPING).header("token", &spelling)).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.detail(),
            "The provided API token is blacklisted and cannot be used."
        );
    }
    assert_eq!(
        daemon.get(MAPPING).await.status,
        200,
        "another token with the same claims"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_site_refuses_and_says_so() {
    let answer = daemon("", "enabled: False\ntag: example\nallowed_ips: [\"127.0.0.0/8\"]\n")
        .await
        .get(MAPPING)
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.detail()),
        (403, json!("The MISP instance of this token is disabled."))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv4_caller_on_an_ipv6_socket_counts_as_ipv4() {
    let daemon = Daemon::with(Setup {
        listen: std::net::Ipv6Addr::UNSPECIFIED.into(),
        ..Setup::default()
    })
    .await;
    assert_eq!(daemon.send(Ask::get("/")).await.json()["IP"], "127.0.0.1");
    assert_eq!(daemon.get(MAPPING).await.status, 200);
}
