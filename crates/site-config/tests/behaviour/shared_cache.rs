//! Which shared cache the core file names.

use std::fs;

use insta::assert_snapshot;
use secrecy::ExposeSecret as _;
use site_config::{CacheKind, CacheServer};

use crate::Files;

fn server(core: &str) -> CacheServer {
    Files::with_core(core).load().core.cache.unwrap()
}

fn password(server: &CacheServer) -> Option<&str> {
    server.password.as_ref().map(|password| password.expose_secret())
}

#[test]
fn the_keys_of_the_reference_name_a_memcached() {
    let without_user = server("memcached_host: \"127.0.0.1\"\nmemcached_user: \"\"\nmemcached_pass: \"\"\n");
    assert_eq!(without_user.kind, CacheKind::Memcached);
    assert_eq!((without_user.host.as_str(), without_user.port), ("127.0.0.1", 11211));
    assert_eq!((&without_user.user, password(&without_user)), (&None, None));
    let with_user = server("memcached_host: cache\nmemcached_user: feeds\nmemcached_pass: word\n");
    assert_eq!(
        (with_user.user.as_deref(), password(&with_user)),
        (Some("feeds"), Some("word"))
    );
}

#[test]
fn a_file_without_a_host_names_no_cache_and_says_so() {
    let loaded = Files::with_core("memcached_port: 11212\n").load();
    assert!(loaded.core.cache.is_none());
    let note = loaded.notes.iter().find(|note| note.key == "memcached_port").unwrap();
    assert!(note.what.contains("no effect without `memcached_host`"));
}

#[test]
fn the_password_may_stand_in_a_file_beside_this_one() {
    let files =
        Files::with_core("cache:\n  url: rediss://feeds@cache:7000/2\n  password_file: word\n  ca_file: ca.pem\n");
    fs::write(files.path("config/word"), "word\n").unwrap();
    let cache = files.load().core.cache.unwrap();
    assert_eq!(
        (cache.kind, cache.tls, cache.port, cache.database),
        (CacheKind::Valkey, true, 7000, 2)
    );
    assert_eq!((cache.user.as_deref(), password(&cache)), (Some("feeds"), Some("word")));
    assert_eq!(cache.ca_file, Some(files.path("config/ca.pem")));
}

#[test]
fn a_url_wins_over_the_keys_of_the_reference() {
    let files = Files::with_core("memcached_host: old\ncache: {url: \"redis://new\"}\n");
    let loaded = files.load();
    assert_eq!(loaded.core.cache.unwrap().host, "new");
    assert!(loaded.notes.iter().any(|note| note.key == "memcached_host"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_without_the_password() {
    let told = |core: &str| {
        let files = Files::with_core(core);
        let lines = files.lines(&files.problems());
        assert!(!lines.contains("hunter2"), "{lines}");
        lines
    };
    let all = [
        told("cache: {url: \"http://u:hunter2@cache\"}\n"),
        told("cache: {url: \"redis://u:hunter2@cache\", password_file: word}\n"),
        told("cache: {url: \"redis://cache\", password_file: word}\n"),
        told("cache: {url: \"memcached://u@cache\"}\n"),
        told("cache: {password_file: word}\n"),
        told("cache: {url: [\"redis://hunter2\"]}\n"),
        told("cache: {uri: \"redis://cache\"}\n"),
    ];
    assert_snapshot!(all.join("\n"));
}
