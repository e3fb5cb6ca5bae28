//! Under systemd, played by the test: the messages that it gets, the socket that it passes on, and its judgement of the
//! unit.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Daemon, Installation, block_on, client, get};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

/// What systemd hears, message by message.
struct Notified(UnixDatagram);

impl Notified {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(socket)
    }

    /// Returns the next message that has this line; those before it are other news.
    fn next(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let message = std::str::from_utf8(&buffer[..length]).unwrap();
            if message.lines().any(|told| told == line) {
                return message.to_owned();
            }
        }
    }
}

#[test]
fn systemd_is_told_how_the_daemon_is() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let path = installation.path().join("notify");
    let systemd = Notified::at(&path);
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "600000");
    let mut daemon = Daemon::start(command);
    let ready = systemd.next("READY=1");
    assert!(ready.contains("STATUS=Serving feeds of 1 sites"), "{ready}");
    assert_eq!(get(&format!("http://{}/healthz", daemon.address()), None).status, 200);
    systemd.next("WATCHDOG=1");
    systemd.next("WATCHDOG=1");
    daemon.signal(Signal::HUP);
    assert!(systemd.next("RELOADING=1").contains("MONOTONIC_USEC="));
    systemd.next("READY=1");
    daemon.signal(Signal::TERM);
    systemd.next("STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
}

/// Starts a daemon that is passed this socket as systemd passes one.
fn activated(installation: &Installation, socket: &TcpListener) -> Daemon {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve",
        ])
        .arg(env!("CARGO_BIN_EXE_cratosd"))
        .current_dir(installation.path())
        .env_clear();
    Daemon::start_with(command, Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
}

#[test]
fn a_restart_keeps_callers_waiting_and_refuses_none() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let url = format!("http://{address}/healthz");
    let mut first = activated(&installation, &socket);
    assert_eq!(first.address(), address);
    assert_eq!(get(&url, None).status, 200);
    first.signal(Signal::TERM);
    assert_eq!(first.wait().code(), Some(0), "{}", first.stderr());
    // No daemon serves now, and the socket still exists.
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || block_on(async { client().get(url).send().await.unwrap().status().as_u16() }))
        })
        .collect();
    let mut second = activated(&installation, &socket);
    assert_eq!(second.address(), address);
    for caller in waiting {
        assert_eq!(caller.join().unwrap(), 200);
    }
}

#[test]
fn something_else_than_a_listening_socket_is_refused_with_words() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve",
        ])
        .arg(env!("CARGO_BIN_EXE_cratosd"))
        .current_dir(installation.path())
        .env_clear();
    let mut daemon = Daemon::start_with(command, Stdio::from(OwnedFd::from(one)));
    assert_eq!(daemon.wait().code(), Some(64));
    assert!(
        daemon.stderr().contains("write ListenStream=ADDRESS:PORT"),
        "{}",
        daemon.stderr()
    );
}

#[test]
fn the_unit_is_as_hard_as_it_says() {
    let Some(analyze) = test_peers::program("systemd-analyze") else {
        return;
    };
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    // The number is ten times the exposure.
    let judged = Command::new(analyze)
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(packaging.join("cratosd.service"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(
        judged.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&judged.stderr)
    );
    assert!(said.contains("Overall exposure level for cratosd.service"), "{said}");
}
