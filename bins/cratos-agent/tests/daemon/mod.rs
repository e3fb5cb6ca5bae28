//! The files that a cratosd needs to start, and a token that opens its feeds.

use std::fs;
use std::path::Path;

use misp_sim::Sim;
use secrecy::SecretString;
use site_config::Paths;
use token_crypto::{Claims, ExpiryDay, KeyRing, Permission, Protocol, Scope};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
const SALT: &str = "cratosLabSaltcratosLabSalt012345";

/// Writes files with one site, the MISP of 127.0.0.1, for which `site` says more.
pub(crate) fn write(folder: &Path, site: &str) -> Paths {
    let paths = Paths {
        config: folder.join("config.yaml"),
        mappings: folder.join("mappings.yaml"),
        sites: folder.join("sites"),
    };
    fs::create_dir(&paths.sites).unwrap();
    fs::write(&paths.config, format!("encryption_key: \"{KEY}\"\nsalt: \"{SALT}\"\n")).unwrap();
    fs::write(&paths.mappings, "types: {}\n").unwrap();
    let site = format!("tag: example\nmispTimeoutSeconds: 20\nallowed_ips: [\"127.0.0.0/8\"]\n{site}");
    fs::write(paths.sites.join("127.0.0.1.yaml"), site).unwrap();
    paths
}

/// A token for the MISP at this port of 127.0.0.1.
pub(crate) fn token(port: u16) -> String {
    let ring = KeyRing::builder(&SecretString::from(SALT))
        .key(SecretString::from(KEY))
        .legacy(false)
        .build()
        .unwrap();
    let key = SecretString::from(Sim::READER_KEY);
    let ends = ExpiryDay::parse("2099-12-31").unwrap();
    let claims = Claims::new("127.0.0.1", Protocol::Http, port, key, ends);
    let scope = Scope::new().with_permissions([Permission::Stream, Permission::Lookup, Permission::Context]);
    ring.seal(&claims.with_scope(scope)).unwrap().expose().to_owned()
}
