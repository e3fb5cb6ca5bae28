//! A typing mistake in `tag` of a site file: MISP answers with an empty list and reports no error.

use crate::support::{Daemon, FEED, SITE, Setup};

const LINE: &str = "127.0.0.1: the feed block is empty, and MISP does not have its tag `exmaple:incident-classification=block`; the closest that \
                    it has: `example:incident-classification=block`";
const METRIC: &str = "cratos_feed_tag_missing{site=\"127.0.0.1\",feed=\"block\"} 1";

async fn trouble(daemon: &Daemon) -> Vec<String> {
    let answer = daemon.get("/readyz").await;
    assert_eq!(answer.status, 200, "it is no reason to send callers elsewhere");
    let lines = answer.json()["trouble"].as_array().unwrap().clone();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// Waits until the trouble on `/readyz` is as wanted; the daemon asks MISP about the tag in the background.
async fn until(daemon: &Daemon, is_there: impl Fn(&[String]) -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let lines = trouble(daemon).await;
        if is_there(&lines) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{lines:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_feed_whose_tag_misp_does_not_have_is_reported_and_asked_about_seldom() {
    let daemon = Daemon::with(Setup {
        core: "metrics_allowed_ips: [127.0.0.1]\n".to_owned(),
        site: SITE.replace("example", "exmaple"),
        ..Setup::default()
    })
    .await;
    assert_eq!(daemon.get(FEED).await.feed(), (200, ""));
    until(&daemon, |lines| lines == [LINE]).await;
    assert!(daemon.get("/metrics").await.text().contains(METRIC));
    for _ in 0..3 {
        assert_eq!(daemon.get(FEED).await.status, 200);
    }
    assert_eq!(daemon.sim.count("/tags/index/searchall:incident-classification"), 1);

    daemon.rewrite_site(SITE);
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    assert!(trouble(&daemon).await.is_empty());
    assert!(!daemon.get("/metrics").await.text().contains(METRIC));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_feed_whose_tag_exists_and_one_without_a_tag_are_no_trouble() {
    let daemon = Daemon::start().await;
    for path in [
        FEED.replace("ipv4", "url"),
        FEED.replace("block", "any").replace("ipv4", "url"),
    ] {
        assert_eq!(daemon.get(&path).await.feed(), (200, ""));
    }
    let asked = || daemon.sim.count("/tags/index/searchall:incident-classification");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while asked() == 0 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    until(&daemon, <[String]>::is_empty).await;
    assert_eq!(asked(), 1);
}

/// One device reads addresses, another one reads URLs, and the feed has no URLs: the daemon asks MISP about the tag
/// once, and not at every second answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_empty_in_one_type_and_not_in_another_is_asked_about_seldom() {
    let daemon = Daemon::start().await;
    let asked = || daemon.sim.count("/tags/index/searchall:incident-classification");
    for _ in 0..5 {
        assert_eq!(daemon.get(&FEED.replace("ipv4", "url")).await.feed(), (200, ""));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while asked() == 0 {
            assert!(std::time::Instant::now() < deadline);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    }
    // A request about the tag would have arrived by now.
    until(&daemon, <[String]>::is_empty).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(asked(), 1);
}
