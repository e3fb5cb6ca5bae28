//! Secure connections: trusted and untrusted certificates.

use std::time::Duration;

use misp_client::{AuthKey, BaseUrl, Client, ClientBuilder, ErrorKind, Protocol};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::server::{KEY, Reply, Server};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

/// A client that checks certificates, also on a machine that has no authorities of its own.
fn careful(protocol: Protocol, host: &str, port: u16) -> ClientBuilder {
    let url = BaseUrl::new(protocol, host, port).unwrap();
    Client::builder(url, AuthKey::new(KEY).unwrap()).add_root_certificate(authority().pem())
}

/// A server whose certificate a new authority signed, and that authority's certificate as PEM.
async fn server() -> (Server, String) {
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    (
        Server::start_tls(config, |_, _| Reply::json("{\"version\":\"2.5.1\"}")).await,
        authority.pem(),
    )
}

#[tokio::test]
async fn certificate_of_an_unknown_authority_is_refused() {
    let (server, _) = server().await;
    let client = careful(Protocol::Https, "localhost", server.addr().port())
        .build()
        .unwrap();
    let error = client.version().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(!error.is_retryable());
    assert_eq!(server.seen().len(), 0, "the key was not sent");
}

#[tokio::test]
async fn certificate_check_can_be_switched_off() {
    let (server, _) = server().await;
    let client = server.builder().verify_certificate(false).build().unwrap();
    assert_eq!(client.version().await.unwrap().version, "2.5.1");
}

#[tokio::test]
async fn authority_of_ones_own_is_trusted_for_its_names_only() {
    let (server, authority) = server().await;
    let client = server
        .builder()
        .add_root_certificate(authority.clone())
        .build()
        .unwrap();
    assert_eq!(client.version().await.unwrap().version, "2.5.1");

    let client = careful(Protocol::Https, "127.0.0.1", server.addr().port())
        .add_root_certificate(authority)
        .build()
        .unwrap();
    assert_eq!(client.version().await.unwrap_err().kind(), ErrorKind::Tls);
}

#[tokio::test]
async fn port_without_tls_is_a_tls_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 5]).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let client = careful(Protocol::Https, "localhost", port).build().unwrap();
    assert_eq!(client.version().await.unwrap_err().kind(), ErrorKind::Tls);
}

#[tokio::test]
async fn port_that_says_nothing_to_a_greeting_is_a_time_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = careful(Protocol::Https, "localhost", port)
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert_eq!(client.version().await.unwrap_err().kind(), ErrorKind::Timeout);
    drop(listener);
}

#[tokio::test]
async fn secure_port_asked_without_tls_gives_no_answer() {
    let (server, _) = server().await;
    let client = careful(Protocol::Http, "localhost", server.addr().port())
        .build()
        .unwrap();
    let kind = client.version().await.unwrap_err().kind();
    assert!(
        matches!(kind, ErrorKind::UnexpectedAnswer | ErrorKind::Connect),
        "{kind:?}"
    );
}
