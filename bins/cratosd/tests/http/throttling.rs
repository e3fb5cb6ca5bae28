//! Repeated wrong tokens, and good tokens from the same address.

use http::Method;
use token_crypto::ExpiryDay;

use crate::support::{Answer, Ask, Daemon, FEED, Setup};

async fn wrong(daemon: &Daemon) -> Answer {
    daemon.send(Ask::get(FEED).header("token", "AAAA")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_wrong_tokens_in_a_row_do_not_pass_and_a_good_one_behind_them_does() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let statuses: Vec<u16> = {
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(wrong(&daemon).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(
        statuses.iter().filter(|status| **status == 403).count(),
        30,
        "{statuses:?}"
    );
    assert!(statuses[30..].iter().all(|status| *status == 429), "{statuses:?}");
    let refused = wrong(&daemon).await;
    assert!((50..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    assert!(refused.detail().as_str().unwrap().contains("tokens that are not good"));
    for _ in 0..5 {
        let good = daemon.send(Ask::get(FEED).header("token", &token)).await;
        assert_eq!(good.feed(), (200, "198.51.100.7"));
        assert_eq!(wrong(&daemon).await.status, 429);
    }
    // A request without a token does not count as a failure: clients send one before they send their token.
    for _ in 0..5 {
        assert_eq!(daemon.send(Ask::get(FEED)).await.status, 401);
    }
    let metrics = daemon.send(Ask::get("/metrics")).await;
    assert!(
        metrics.text().contains("cratos_throttled_total{limit=\"failures\"} 16"),
        "{}",
        metrics.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_a_key_and_a_reload_changes_it() {
    let daemon = Daemon::with(Setup {
        core: "failed_tokens_per_minute: 2\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(wrong(&daemon).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 429]);
}

/// Failures with an expired token count for that token alone: its device is not taken for one that guesses, and its
/// neighbours keep their allowance.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_is_counted_by_itself() {
    let daemon = Daemon::with(Setup {
        core: "failed_tokens_per_minute: 2\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let mut claims = daemon.claims();
    claims.expires = ExpiryDay::days_from(jiff::Timestamp::now().as_second(), 0);
    let ended = daemon.seal(&claims);
    let other = daemon.seal(&claims);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(
            daemon
                .send(Ask::get(FEED).header("token", &ended))
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(statuses, [403, 403, 429]);
    assert_eq!(daemon.send(Ask::get(FEED).header("token", &other)).await.status, 403);
    assert_eq!(wrong(&daemon).await.status, 403);
    let clear = Ask::new(Method::DELETE, &FEED.replace("/v1/feed", "/v1/clear_cache/feed"));
    assert_eq!(daemon.send(clear.header("token", daemon.token())).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_asks_too_often_gets_429_and_other_tokens_are_answered() {
    let daemon = Daemon::with(Setup {
        core: "token_limits: { burst: 3, per_second: 1 }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let token = daemon.token();
    let ask = async || daemon.send(Ask::get(FEED).header("token", &token)).await;
    let mut refused = Vec::new();
    for _ in 0..12 {
        refused.extend(Some(ask().await).filter(|answer| answer.status != 200));
    }
    // On a slow machine one passes now and then.
    assert!(refused.len() >= 4, "{refused:?}");
    for answer in &refused {
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "1"));
        assert_eq!(answer.detail(), "Too many requests with this token.");
    }
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"), "another token");
    let metrics = daemon.send(Ask::get("/metrics")).await;
    let series = format!("cratos_throttled_total{{limit=\"token_rate\"}} {}", refused.len());
    assert!(metrics.text().contains(&series), "{}", metrics.text());
}
