//! Every way to send a token, which of several tokens counts, and the errors for bad tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use token_crypto::ExpiryDay;

use crate::support::{Ask, Daemon, FEED, token_claims};

const MAPPING: &str = "/v1/feedmapping";
const NOT_SET: &str = "Could not validate token, or token not set.";
const CHALLENGE: &str = "Basic realm=\"cratos\", charset=\"UTF-8\"";
const UNKNOWN: &str = "Unknown error in CheckApiToken";
const NOT_BASE64: &str = "Invalid Base64 string in use for token.";

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_opens_every_token_route() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let (user, password) = token.split_at(70);
    let feed_of_organisation = "/v1/uuid/5c0ba7a0-0001-4000-8000-000000000001/type/ipv4/age/1w/output/json";
    for path in [MAPPING, "/v1/check", FEED, feed_of_organisation] {
        let asks = [
            ("query", Ask::get(&format!("{path}?token={token}"))),
            ("header", Ask::get(path).header("ToKeN", &token)),
            (
                "bearer",
                Ask::get(path).header("authorization", format!("Bearer {token}")),
            ),
            (
                "basic",
                Ask::get(path).header("authorization", basic(&format!("cratos:{token}"))),
            ),
            (
                "cut in two",
                Ask::get(path).header("authorization", basic(&format!("{user}:{password}"))),
            ),
            (
                "as user",
                Ask::get(path).header("authorization", basic(&format!("{token}:"))),
            ),
            (
                "as password of nobody",
                Ask::get(path).header("authorization", basic(&format!(":{token}"))),
            ),
            ("path", Ask::get(&format!("/t/{token}{path}"))),
        ];
        for (way, ask) in asks {
            let answer = daemon.send(ask).await;
            assert_eq!(answer.status, 200, "{way} {path}: {:?}", answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transport_that_counts_counts_alone() {
    let daemon = Daemon::start().await;
    let good = daemon.token();
    let bad_basic = basic("cratos:AAAA");
    for (why, status, ask) in [
        (
            "bad basic beats good query",
            403,
            Ask::get(&format!("{MAPPING}?token={good}")).header("authorization", &bad_basic),
        ),
        (
            "bad query beats good header",
            403,
            Ask::get(&format!("{MAPPING}?token=AAAA")).header("token", &good),
        ),
        (
            "bad header beats good bearer",
            403,
            Ask::get(MAPPING)
                .header("token", "AAAA")
                .header("authorization", format!("Bearer {good}")),
        ),
        (
            "bad path beats good basic",
            403,
            Ask::get(&format!("/t/AAAA{MAPPING}")).header("authorization", basic(&format!("cratos:{good}"))),
        ),
        (
            "good path beats unreadable basic",
            200,
            Ask::get(&format!("/t/{good}{MAPPING}")).header("authorization", "Basic !"),
        ),
        (
            "good basic beats bad query",
            200,
            Ask::get(&format!("{MAPPING}?token=AAAA")).header("authorization", basic(&format!("cratos:{good}"))),
        ),
        (
            "empty query falls through",
            200,
            Ask::get(&format!("{MAPPING}?token=")).header("token", &good),
        ),
        (
            "the last query counts",
            200,
            Ask::get(&format!("{MAPPING}?token=AAAA&token={good}")),
        ),
        (
            "the last query counts",
            403,
            Ask::get(&format!("{MAPPING}?token={good}&token=AAAA")),
        ),
        (
            "bearer falls behind query",
            200,
            Ask::get(&format!("{MAPPING}?token={good}")).header("authorization", "Bearer AAAA"),
        ),
    ] {
        assert_eq!(daemon.send(ask).await.status, status, "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_are_named_as_in_the_reference() {
    let daemon = Daemon::start().await;
    let good = daemon.token();
    let other_case = basic(&format!("CRATOS:{good}"));
    let answer = daemon.send(Ask::get(MAPPING).header("authorization", other_case)).await;
    assert_eq!(answer.status, 403);
    let shorter = daemon
        .send(Ask::get(MAPPING).header("token", good.get(..good.len() - 4).unwrap()))
        .await;
    assert!(
        [UNKNOWN, NOT_BASE64].contains(&shorter.detail().as_str().unwrap()),
        "which of the two depends on its last bits"
    );
    for (header, detail) in [
        ("AAAA", UNKNOWN),
        ("!!!!", UNKNOWN),
        ("AAAAA", NOT_BASE64),
        ("A", NOT_BASE64),
        ("tøken", NOT_BASE64),
    ] {
        let answer = daemon.send(Ask::get(MAPPING).header("token", header)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.detail()),
            (403, json!(detail)),
            "{header}"
        );
        assert!(!answer.text().contains(header), "the token must not be echoed");
    }
    for basic in ["Basic !!!", "Basic bm9jb2xvbg=="] {
        let answer = daemon.send(Ask::get(MAPPING).header("authorization", basic)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("www-authenticate")),
            (401, CHALLENGE)
        );
        assert_eq!(answer.detail(), "Invalid authentication credentials");
    }
}

/// Clients that wait for a challenge send no token before this answer. A wrong token still gets 403: a firewall stops
/// enforcing after a 401 as well as after a 403, so no other answer changes its status.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_at_all_is_a_challenge_and_a_wrong_one_is_not() {
    let daemon = Daemon::start().await;
    let none = [
        Ask::get(MAPPING),
        Ask::get(MAPPING).header("token", ""),
        Ask::get(&format!("{MAPPING}?token=")),
        Ask::get(MAPPING).header("authorization", basic("cratos:")),
        Ask::get(MAPPING).header("authorization", "Digest x"),
        Ask::new(http::Method::HEAD, MAPPING),
    ];
    for ask in none {
        let answer = daemon.send(ask).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("www-authenticate")),
            (401, CHALLENGE)
        );
        if !answer.body.is_empty() {
            assert_eq!(answer.detail(), NOT_SET);
        }
    }
    let wrong = daemon
        .send(Ask::get(MAPPING).header("authorization", basic("cratos:x")))
        .await;
    assert_eq!(wrong.status, 403);
    assert!(!wrong.headers.contains_key("www-authenticate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_token_with_another_user_name_gets_an_error_that_explains_it() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    for user in ["admin", "CRATOS"] {
        let ask = Ask::get(MAPPING).header("authorization", basic(&format!("{user}:{token}")));
        let answer = daemon.send(ask).await;
        assert_eq!(answer.status, 403);
        let detail = answer.detail();
        assert!(detail.as_str().unwrap().contains("`cratos`"), "{detail}");
        assert!(!answer.text().contains(&token));
    }
    let ask = Ask::get(MAPPING).header("authorization", basic("admin:AAAA"));
    let detail = daemon.send(ask).await.detail();
    assert!([UNKNOWN, NOT_BASE64].contains(&detail.as_str().unwrap()), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_open_are_checked_further() {
    let daemon = Daemon::start().await;
    let mut expired = daemon.claims();
    expired.expires = ExpiryDay::days_from(jiff::Timestamp::now().as_second(), 0);
    assert_eq!(
        daemon.get_as(&expired, MAPPING).await.detail(),
        "The security token has expired."
    );
    let mut expired_elsewhere = token_claims("nosuch.example.org", 443);
    expired_elsewhere.expires = expired.expires;
    assert_eq!(
        daemon.get_as(&expired_elsewhere, MAPPING).await.detail(),
        "The security token has expired.",
        "as in the reference, before the site is looked for"
    );
    let mut last_day = daemon.claims();
    last_day.expires = ExpiryDay::days_from(jiff::Timestamp::now().as_second(), 1);
    assert_eq!(daemon.get_as(&last_day, MAPPING).await.status, 200);
    let nowhere = daemon.get_as(&token_claims("nosuch.example.org", 443), MAPPING).await;
    assert_eq!(
        (nowhere.status.as_u16(), nowhere.detail()),
        (403, json!("Token config file not found"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_problem_is_reported_before_a_path_problem() {
    let daemon = Daemon::start().await;
    let wrong = "/v1/feed/x/type/y/age/z/output/w?cache=0";
    assert_eq!(daemon.send(Ask::get(wrong)).await.status, 401);
    assert_eq!(daemon.send(Ask::get(wrong).header("token", "AAAA")).await.status, 403);
    assert_eq!(daemon.get(wrong).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_wrong_place_is_not_repeated() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    for target in [
        FEED.replace("block", &token),
        FEED.replace("txt", &token),
        format!("{FEED}?cache={token}"),
        format!("{FEED}?aggregate={token}"),
        format!("/v1/uuid/{token}/type/ipv4/age/1w/output/txt"),
        format!("/v1/{token}"),
    ] {
        let answer = daemon.get(&target).await;
        assert!(answer.status.is_client_error(), "{target}");
        assert!(!answer.text().contains(&token), "{target}");
    }
}
