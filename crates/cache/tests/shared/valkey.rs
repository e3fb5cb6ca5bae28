//! A real Redis: plain, with a user of its ACL, with TLS.

use cache::{SharedStore as _, StoreError, Valkey, ValkeyServer, testkit};
use test_peers::Peer;

use crate::servers::{self, port};

#[tokio::test]
async fn a_redis_is_a_shared_store() {
    let port = port();
    let Some(_server) = servers::redis(port, &[]) else {
        return;
    };
    testkit::check(&servers::to_valkey(port), "plain").await;
    let mut other_database = ValkeyServer::new("127.0.0.1", port);
    other_database.database = 3;
    testkit::check(&Valkey::new(other_database).unwrap(), "plain").await;
}

#[tokio::test]
async fn a_user_needs_no_more_rights_than_we_say() {
    let port = port();
    let rights = "user cratos on >pass%word ~check:* +get +mget +set +del +eval +select";
    let Some(_server) = with_acl(port, rights) else { return };
    let mut server = ValkeyServer::new("localhost", port);
    server.user = Some("cratos".to_owned());
    server.password = Some("pass%word".to_owned().into());
    server.database = 1;
    testkit::check(&Valkey::new(server.clone()).unwrap(), "acl").await;

    let elsewhere = [cache::ItemKey::new("elsewhere").unwrap()];
    let forbidden = Valkey::new(server.clone()).unwrap().get(&elsewhere).await;
    assert!(matches!(forbidden, Err(StoreError::Refused)), "{forbidden:?}");
    server.password = Some("wrong".to_owned().into());
    let refused = Valkey::new(server).unwrap().get(&elsewhere).await;
    assert!(matches!(refused, Err(StoreError::Refused)), "{refused:?}");
    let nobody = servers::to_valkey(port).get(&elsewhere).await;
    assert!(matches!(nobody, Err(StoreError::Refused)), "{nobody:?}");
}

fn with_acl(port: u16, rights: &str) -> Option<Peer> {
    let words: Vec<&str> = rights.split(' ').collect();
    let [_, name, rest @ ..] = words.as_slice() else {
        panic!("no user")
    };
    let more: Vec<&str> = ["--user", name].iter().chain(rest).copied().collect();
    let more: Vec<&str> = [&more[..], &["--user", "default", "off"]].concat();
    servers::redis(port, &more)
}

#[tokio::test]
async fn tls_needs_a_server_with_a_trusted_certificate() {
    let (port, folder) = (port(), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    std::fs::write(file("ca.pem"), ca_certificate.pem()).unwrap();
    std::fs::write(file("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(file("key.pem"), key.serialize_pem()).unwrap();
    let (ca, certificate, key) = (file("ca.pem"), file("certificate.pem"), file("key.pem"));
    let tls = [
        "--tls-port",
        &port.to_string(),
        "--port",
        "0",
        "--tls-auth-clients",
        "no",
    ];
    let files = [
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
    ];
    let Some(_server) = servers::redis(port, &[&tls[..], &files].concat()) else {
        return;
    };

    let mut server = ValkeyServer::new("localhost", port);
    server.tls = true;
    server.ca_file = Some(ca.into());
    testkit::check(&Valkey::new(server.clone()).unwrap(), "tls").await;

    let keys = [cache::ItemKey::new("any").unwrap()];
    let mut by_address = server.clone();
    by_address.host = "127.0.0.1".to_owned();
    let other_name = Valkey::new(by_address).unwrap().get(&keys).await;
    assert!(matches!(other_name, Err(StoreError::Connect(_))), "{other_name:?}");
    server.ca_file = None;
    match Valkey::new(server) {
        Ok(believing_the_system) => {
            let unknown = believing_the_system.get(&keys).await;
            assert!(matches!(unknown, Err(StoreError::Connect(_))), "{unknown:?}");
        }
        Err(no_authorities) => assert!(matches!(no_authorities, StoreError::Unusable(_))),
    }
    let plain = servers::to_valkey(port).get(&keys).await;
    assert!(plain.is_err(), "{plain:?}");
}
