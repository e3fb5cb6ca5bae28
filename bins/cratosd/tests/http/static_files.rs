//! The files that are compiled into the program.

use std::io::Read as _;

use serde_json::json;

use crate::support::{Ask, Daemon};

#[tokio::test(flavor = "multi_thread")]
async fn the_icon_is_there_and_can_be_asked_for_again() {
    let daemon = Daemon::start().await;
    for path in ["/favicon.ico", "/static/favicon.ico"] {
        let icon = daemon.send(Ask::get(path)).await;
        assert_eq!(
            (icon.status.as_u16(), icon.header("content-type")),
            (200, "image/vnd.microsoft.icon")
        );
        assert!(icon.body.starts_with(&[0, 0, 1, 0]), "{path} is no icon");
        assert_eq!(icon.header("cache-control"), "public, no-cache");
        let again = Ask::get(path).header("if-none-match", icon.header("etag"));
        let again = daemon.send(again).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), icon.header("etag"));
        let since = Ask::get(path).header("if-modified-since", icon.header("last-modified"));
        assert_eq!(daemon.send(since).await.status, 304);
        let other = Ask::get(path).header("if-none-match", "\"other\"");
        assert_eq!(daemon.send(other).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_compressed_under_a_tag_of_its_own() {
    let daemon = Daemon::start().await;
    let plain = daemon.send(Ask::get("/static/icon.svg")).await;
    let packed = daemon
        .send(Ask::get("/static/icon.svg").header("accept-encoding", "gzip"))
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("content-type"), "image/svg+xml");
    assert_eq!(packed.header("vary"), "Accept-Encoding");
    assert_ne!(packed.header("etag"), plain.header("etag"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed.body)
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_the_table_is_404() {
    let daemon = Daemon::start().await;
    for path in [
        "/static/nothing.js",
        "/static/README.md",
        "/static/%2e%2e%2fsrc%2flib.rs",
    ] {
        let answer = daemon.send(Ask::get(path)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.detail()),
            (404, json!("Not Found")),
            "{path}"
        );
    }
}
