//! Tokens that are limited to some feeds, types or outputs.

use serde_json::json;
use token_crypto::Scope;

use crate::support::{Daemon, FEED};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_does_not_cover_is_named() {
    let daemon = Daemon::start().await;
    let claims = daemon.claims().with_scope(
        Scope::new()
            .with_feeds(["block"])
            .with_types(["ipv4"])
            .with_outputs(["txt"]),
    );
    assert_eq!(daemon.get_as(&claims, FEED).await.status, 200);
    for (path, missing) in [
        (FEED.replace("block", "hunt"), "feed `hunt`"),
        (FEED.replace("ipv4", "domain"), "type `domain`"),
        (FEED.replace("txt", "json"), "output `json`"),
        (
            "/v1/feed/any/type/url/age/1d/output/xml".to_owned(),
            "feed `any`, type `url`, output `xml`",
        ),
    ] {
        let answer = daemon.get_as(&claims, &path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.detail()),
            (403, json!(format!("This token does not cover {missing}.")))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_feeds_does_not_cover_whole_organisations() {
    let daemon = Daemon::start().await;
    let path = "/v1/uuid/5c0ba7a0-0001-4000-8000-000000000001/type/ipv4/age/1w/output/txt";
    let feeds = daemon.claims().with_scope(Scope::new().with_feeds(["block"]));
    assert_eq!(
        daemon.get_as(&feeds, path).await.detail(),
        "This token does not cover feeds of organisations."
    );
    let types = daemon.claims().with_scope(Scope::new().with_types(["ipv4"]));
    assert_eq!(daemon.get_as(&types, path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_path_is_reported_before_a_scope_that_does_not_cover_it() {
    let daemon = Daemon::start().await;
    let nothing = daemon
        .claims()
        .with_scope(Scope::new().with_feeds(Vec::<String>::new()));
    assert_eq!(daemon.get_as(&nothing, &FEED.replace("1w", "8w")).await.status, 422);
    assert_eq!(daemon.get_as(&nothing, FEED).await.status, 403);
    assert_eq!(daemon.get_as(&nothing, "/v1/feedmapping").await.status, 200);
}
