//! The example `axum` over a real socket: `examples/axum.rs` is a part of this program.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../examples/axum.rs"]
#[expect(dead_code, reason = "its main listens on a fixed port")]
mod program;

use std::net::SocketAddr;

use axum::{Router, routing::get};
use gateway::testkit::{Installation, SITE, token_claims};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn ask(address: SocketAddr, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nToken: {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_serves_a_list_of_its_own_in_a_format_of_its_own_beside_a_route_of_its_own() {
    let installation = Installation::new("");
    installation.write("sites/127.0.0.1.yaml", SITE);
    let gateway = program::gateway(installation.paths()).unwrap();
    let _background = gateway.start();
    let router = Router::new().route("/hello", get("Hello")).fallback_service(gateway);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    let serving = tokio::spawn(async { serving.await.unwrap() });

    let token = installation.seal(&token_claims("127.0.0.1", 443));
    let feed = "/v1/feed/any/type/domain/age/1w/output/hosts";
    let answer = ask(address, feed, &token).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\n0.0.0.0 a.example\n0.0.0.0 b.example\n"),
        "{answer}"
    );
    assert!(ask(address, "/hello", "").await.ends_with("\r\n\r\nHello"));
    assert!(ask(address, feed, "").await.starts_with("HTTP/1.1 401 "));
    let elsewhere = token_claims("127.0.0.1", 443);
    let elsewhere = elsewhere.with_scope(token_crypto::Scope::new().with_networks(["192.0.2.0/24".parse().unwrap()]));
    assert!(
        ask(address, feed, &installation.seal(&elsewhere))
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    serving.abort();
}
