//! Configuration files that change while the daemon runs.

use site_config::ReloadOutcome;
use token_crypto::KeyRing;

use crate::support::{Ask, Daemon, FEED, SITE, Setup, token_claims};

const MAPPING: &str = "/v1/feedmapping";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_site_file_takes_effect_at_once() {
    let daemon = Daemon::start().await;
    assert!(daemon.get(MAPPING).await.text().contains("example:incident"));
    daemon.rewrite_site(&SITE.replace("example", "other"));
    assert!(daemon.get(MAPPING).await.text().contains("other:incident"));
    assert_eq!(daemon.get(FEED).await.text(), "", "the old tag does not count any more");
    daemon.rewrite_site(&SITE.replace("127.0.0.0/8", "192.0.2.0/24"));
    assert_eq!(daemon.get(MAPPING).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_tag_in_a_site_file_empties_a_feed_only_after_a_second_question() {
    let daemon = Daemon::start().await;
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    daemon.rewrite_site(&SITE.replace("example", "exmaple"));
    let held = daemon.get(FEED).await;
    assert_eq!((held.feed(), held.header("x-cache")), ((200, "198.51.100.7"), "STALE"));
    assert_eq!(held.header("warning"), "110 - \"Response is Stale\"");
    let page = daemon.send(Ask::get("/metrics")).await;
    let counted = "cratos_feeds_held_total{site=\"127.0.0.1\"} 1";
    assert!(page.text().contains(counted), "{}", page.text());
    let began = std::time::Instant::now();
    while daemon.get(FEED).await.header("x-feed-count") != "0" {
        assert!(
            began.elapsed() < std::time::Duration::from_secs(60),
            "it is held for ever"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(
        began.elapsed() > std::time::Duration::from_secs(2),
        "there was no second question"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_file_that_goes_bad_keeps_its_last_good_version() {
    let daemon = Daemon::start().await;
    daemon.rewrite_site("tag: [\n");
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_site_file_disables_that_site_only_and_never_as_an_authentication_failure() {
    let daemon = Daemon::start().await;
    daemon.write("sites/broken.example.net.yaml", "tga: example\n");
    daemon.store.reload();
    let answer = daemon.get_as(&token_claims("broken.example.net", 443), FEED).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.detail().as_str().unwrap().contains("configuration file"),
        "{:?}",
        answer.body
    );
    assert_eq!(daemon.get(FEED).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_file_for_a_site_does_not_take_the_site_down() {
    let daemon = Daemon::start().await;
    daemon.write("sites/LOCALHOST.yaml", SITE);
    daemon.write("sites/localhost.yaml", SITE);
    daemon.store.reload();
    let claims = token_claims("localhost", daemon.sim.addr().port());
    assert_eq!(daemon.get_as(&claims, FEED).await.feed(), (200, "198.51.100.7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_file_that_goes_bad_changes_nothing() {
    let daemon = Daemon::start().await;
    daemon.write("config.yaml", "nonsense: 1\n");
    assert!(matches!(daemon.store.reload(), ReloadOutcome::Refused(_)));
    assert_eq!(daemon.get(FEED).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_rotated_without_a_restart_and_without_breaking_tokens() {
    let daemon = Daemon::start().await;
    let (old_token, old) = (daemon.token(), crate::support::KEY);
    let new = old.chars().rev().collect::<String>();
    let salt = crate::support::SALT;
    daemon.write(
        "config.yaml",
        &format!("encryption_keys: [\"{new}\", \"{old}\"]\nsalt: \"{salt}\"\naccept_legacy_tokens: False\n"),
    );
    assert!(matches!(daemon.store.reload(), ReloadOutcome::Applied(_)));
    let ring = KeyRing::builder(&salt.into())
        .key(new.into())
        .legacy(false)
        .build()
        .unwrap();
    let new_token = ring.seal(&daemon.claims()).unwrap();
    let opens = async |token: &str| daemon.send(Ask::get(MAPPING).header("token", token)).await.status == 200;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !opens(new_token.expose()).await {
        assert!(std::time::Instant::now() < deadline, "the new key was never taken over");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(opens(&old_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_added_is_served() {
    let daemon = Daemon::with(Setup::default()).await;
    let claims = token_claims("localhost", daemon.sim.addr().port());
    assert_eq!(daemon.get_as(&claims, FEED).await.status, 403);
    daemon.write("sites/localhost.yaml", SITE);
    daemon.store.reload();
    assert_eq!(daemon.get_as(&claims, FEED).await.feed(), (200, "198.51.100.7"));
}
