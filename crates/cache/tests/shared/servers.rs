//! Real servers, started for one test each.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cache::{CacheKeys, Memcached, MemcachedServer, Valkey, ValkeyServer};
use test_peers::{Peer, free_port, program};

pub(crate) fn keys(byte: u8) -> CacheKeys {
    CacheKeys::new([&[byte; 32]]).unwrap()
}

/// Starts a memcached; `None` where there is none.
pub(crate) fn memcached(port: u16, more: &[&str]) -> Option<Peer> {
    let mut command = Command::new(program("memcached")?);
    let words = ["-u", "nobody", "-l", "127.0.0.1", "-p", &port.to_string()];
    Some(Peer::listening(command.args(words).args(more), port))
}

/// Starts a memcached that knows this user and password by SASL.
pub(crate) fn memcached_with_sasl(port: u16, folder: &Path, user: &str, password: &str) -> Option<Peer> {
    let (memcached, saslpasswd2) = (program("memcached")?, program("saslpasswd2")?);
    let database = folder.join("sasldb");
    std::fs::write(
        folder.join("memcached.conf"),
        format!("mech_list: plain\nlog_level: 0\nsasldb_path: {}\n", database.display()),
    )
    .unwrap();
    let mut adding = Command::new(saslpasswd2)
        .args(["-p", "-c", "-a", "memcached", "-u", &host_name(), "-f"])
        .args([database.as_os_str(), user.as_ref()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut adding.stdin.take().unwrap(), password.as_bytes()).unwrap();
    assert!(adding.wait().unwrap().success());
    let mut command = Command::new(memcached);
    command
        .args(["-S", "-u", &whoami(), "-l", "127.0.0.1", "-p", &port.to_string()])
        .env("SASL_CONF_PATH", folder);
    Some(Peer::listening(&mut command, port))
}

/// Starts a Redis that keeps nothing on disk; `port` is the one that is awaited, `more` may move it to TLS.
pub(crate) fn redis(port: u16, more: &[&str]) -> Option<Peer> {
    let mut command = Command::new(program("redis-server")?);
    command.args([
        "--save",
        "",
        "--appendonly",
        "no",
        "--bind",
        "127.0.0.1",
        "--loglevel",
        "warning",
    ]);
    if !more.contains(&"--tls-port") {
        command.args(["--port", &port.to_string()]);
    }
    command.args(more).stdout(Stdio::null());
    Some(Peer::listening(&mut command, port))
}

pub(crate) fn to_memcached(port: u16) -> Memcached {
    Memcached::new(MemcachedServer {
        host: "127.0.0.1".to_owned(),
        port,
        login: None,
    })
}

pub(crate) fn to_valkey(port: u16) -> Valkey {
    Valkey::new(ValkeyServer::new("127.0.0.1", port)).unwrap()
}

/// As patient as a machine that is busy with other tests needs.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

pub(crate) fn port() -> u16 {
    free_port()
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap()
        .trim()
        .to_owned()
}

fn whoami() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
