//! Connections that clients of several keys share.

use misp_client::{AuthKey, Client, Connections};

use crate::server::{Reply, Server};

fn client(server: &Server, key: &str, connections: &Connections) -> Client {
    Client::builder(server.base_url(), AuthKey::new(key).unwrap())
        .connections(connections.clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn keys_share_a_connection_and_each_question_has_its_own_key() {
    let server = Server::always(Reply::json("{\"version\":\"2.5.1\"}")).await;
    let connections = server.client().connections();
    for key in ["one", "two", "three"] {
        client(&server, key, &connections).version().await.unwrap();
    }
    let seen = server.seen();
    let keys: Vec<_> = seen.iter().map(|seen| seen.header("authorization").unwrap()).collect();
    assert_eq!(keys, ["one", "two", "three"]);
    assert!(seen.iter().all(|seen| seen.connection == 0), "{seen:?}");
}

/// A second answer to one question must not become the answer to the question of another key.
#[tokio::test]
async fn what_comes_after_an_answer_ends_the_connection() {
    let twice = |version: &str| {
        let answer = |version: &str| {
            let body = format!("{{\"version\":\"{version}\"}}");
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        Reply::nothing().then(answer(version) + &answer("0.0.0")).then_hang()
    };
    let server = Server::start(move |seen, _| twice(seen.header("authorization").unwrap())).await;
    let connections = server.client().connections();
    for key in ["2.4.1", "2.4.2", "2.4.3"] {
        let answer = client(&server, key, &connections).version().await.unwrap();
        assert_eq!(answer.version, key);
    }
}
