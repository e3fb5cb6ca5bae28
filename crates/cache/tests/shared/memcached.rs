//! A real memcached, both protocols.

use cache::{Memcached, MemcachedServer, SharedStore as _, StoreError, testkit};
use tokio::io::AsyncWriteExt as _;

use crate::servers::{self, port};

fn with_login(port: u16, password: &str) -> Memcached {
    Memcached::new(MemcachedServer {
        host: "localhost".to_owned(),
        port,
        login: Some(("cratos".to_owned(), password.to_owned().into())),
    })
}

#[tokio::test]
async fn a_memcached_is_a_shared_store() {
    let port = port();
    let Some(_server) = servers::memcached(port, &[]) else {
        return;
    };
    testkit::check(&servers::to_memcached(port), "text").await;
}

#[tokio::test]
async fn a_memcached_with_a_user_is_a_shared_store() {
    let (port, folder) = (port(), tempfile::tempdir().unwrap());
    let password = "pass word\u{e4}%";
    let Some(_server) = servers::memcached_with_sasl(port, folder.path(), "cratos", password) else {
        return;
    };
    testkit::check(&with_login(port, password), "binary").await;
    let key = [cache::ItemKey::new("any").unwrap()];
    let wrong = with_login(port, "wrong").get(&key).await;
    assert!(matches!(wrong, Err(StoreError::Refused)), "{wrong:?}");
    // It waits for the rest of a supposed binary message.
    let nobody = servers::to_memcached(port);
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(200), nobody.get(&key));
    assert!(!matches!(waiting.await, Ok(Ok(_))));
}

#[tokio::test]
async fn a_user_at_a_server_that_knows_none_is_said_so() {
    let port = port();
    let Some(_server) = servers::memcached(port, &[]) else {
        return;
    };
    let answer = with_login(port, "any")
        .get(&[cache::ItemKey::new("any").unwrap()])
        .await;
    assert!(answer.unwrap_err().to_string().contains("no SASL at this server"));
}

/// A server that says something else than memcached would.
async fn answers(words: &'static [u8]) -> Result<Vec<Option<bytes::Bytes>>, StoreError> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(words).await;
        stream
    });
    let keys = [cache::ItemKey::new("a").unwrap()];
    let answer = servers::to_memcached(port).get(&keys).await;
    serving.abort();
    answer
}

#[tokio::test]
async fn an_answer_outside_of_the_protocol_is_an_error() {
    for words in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"VALUE a 0 4294967295\r\n",
        b"VALUE a 0 1\r\nxyz\r\nEND\r\n",
        b"VALUE b 0 1\r\nx\r\nEND\r\n",
        b"VALUE a 0 1\r\nx\r\nVALUE a 0 1\r\nx\r\nEND\r\n",
        b"VALUE a 0 -1\r\n",
        b"VALUE a 0 1 2 3\r\n",
        b"SERVER_ERROR out of order\r\n",
        &[b'x'; 4096],
    ] {
        let answer = answers(words).await;
        assert!(
            matches!(answer, Err(StoreError::Protocol(_) | StoreError::Unusable(_))),
            "{} gave {answer:?}",
            words.escape_ascii()
        );
    }
}
