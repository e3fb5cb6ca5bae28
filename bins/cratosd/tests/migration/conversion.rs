//! `cratosd token convert`: a legacy token becomes one that opens only what its device needs.

use std::io::Write as _;
use std::process::Stdio;

use reqwest::Method;

use crate::FEED;
use crate::installation::Installation;
use crate::rows::{Row, walk};

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_token_opens_its_feed_and_nothing_else() {
    let Some(installation) = Installation::new().await else {
        return;
    };
    let daemon = installation.serve();
    let mut command = installation.command(&["token", "convert", "--feed", "block", "--type", "ipv4"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(installation.token().as_bytes())
        .unwrap();
    let converted = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let token = converted.trim();
    let clear = FEED.replace("/v1/feed", "/v1/clear_cache/feed");
    let refused = |row: Row| row.token(token).answers(403, "application/problem+json");
    let rows = vec![
        Row::get(FEED).token(token).answers(200, "text/plain; charset=utf-8"),
        Row::get(format!("/t/{token}{FEED}")).answers(200, "text/plain; charset=utf-8"),
        refused(Row::get(FEED.replace("block", "alert"))),
        refused(Row::get(FEED.replace("ipv4", "domain"))),
        refused(Row::new(Method::DELETE, clear)),
    ];
    walk(daemon.address, "conversion", rows).await;
}
