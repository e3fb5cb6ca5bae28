//! The mirror of a running daemon, from the command line.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::support::{Installation, Ran, run_with};
use crate::tokens;

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmirror: False\n";

fn mirror(installation: &Installation, what: &str, url: &str, token: &str) -> Ran {
    let mut command: Command = installation.command(&["mirror", what, "--url", url]);
    command.env("CRATOS_TOKEN", token);
    run_with(command, "")
}

#[test]
fn the_state_of_a_site_without_a_mirror_says_why_and_nothing_is_read_again() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let token = tokens::minted(installation.path(), &sim, &["--only", "operate"]);
    let mut daemon = installation.serve();
    let url = format!("http://{}", daemon.address());
    let status = mirror(&installation, "status", &url, &token);
    assert_eq!((status.code, status.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = status.stdout.lines().collect();
    assert_eq!(lines[0], "site         127.0.0.1");
    assert!(lines[1].starts_with("way          direct: "), "{}", status.stdout);
    let resync = mirror(&installation, "resync", &url, &token);
    assert_eq!((resync.code, resync.stdout.as_str()), (Some(69), ""));
    assert!(
        resync.stderr.starts_with("error: nothing is read again: "),
        "{}",
        resync.stderr
    );
    let forget = mirror(&installation, "forget", &url, &token);
    assert_eq!((forget.code, forget.stdout.as_str()), (Some(69), ""));
    assert_eq!(
        forget.stderr,
        "error: the daemon has no mirror for this site and MISP key\n"
    );
}

#[test]
fn a_token_without_the_permission_and_a_daemon_that_is_away_are_exit_69_without_the_token() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let token = tokens::minted(installation.path(), &sim, &[]);
    let mut daemon = installation.serve();
    let url = format!("http://{}", daemon.address());
    let refused = mirror(&installation, "status", &url, &token);
    assert_eq!(refused.code, Some(69));
    assert!(
        refused.stderr.contains("does not have the permission `operate`"),
        "{}",
        refused.stderr
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = mirror(&installation, "status", &format!("http://{closed}"), &token);
    assert_eq!((away.code, away.stdout.as_str()), (Some(69), ""));
    assert!(!refused.stderr.contains(&token) && !away.stderr.contains(&token));
}

#[test]
fn without_a_token_it_is_a_usage_error() {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let ran = installation.run(&["mirror", "status"]);
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr.contains("--token-file") && ran.stderr.contains("CRATOS_TOKEN"),
        "{}",
        ran.stderr
    );
}

/// Answers one request with a redirect to `to`, and returns whether `to` was asked.
fn is_followed(run: impl FnOnce(&str) -> Ran) -> (Ran, bool) {
    let (first, second) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let url = format!("http://{}", first.local_addr().unwrap());
    let location = format!("http://{}/v1/site", second.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut caller, _) = first.accept().unwrap();
        let mut request = [0; 4_096];
        let _ = caller.read(&mut request);
        let answer =
            format!("HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = caller.write_all(answer.as_bytes());
    });
    second.set_nonblocking(true).unwrap();
    let ran = run(&url);
    // Ends the wait if the request went elsewhere.
    let _ = TcpStream::connect(&url["http://".len()..]);
    answering.join().unwrap();
    (ran, second.accept().is_ok())
}

#[test]
fn the_token_goes_to_no_target_of_a_redirect_and_to_no_proxy() {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let (ran, is_followed) = is_followed(|url| {
        let mut command: Command = installation.command(&["mirror", "status", "--url", url]);
        command.env("CRATOS_TOKEN", "a-token");
        command.env("http_proxy", format!("http://{}", proxy.local_addr().unwrap()));
        run_with(command, "")
    });
    assert_eq!(ran.code, Some(69), "{}", ran.stderr);
    assert!(ran.stderr.contains("307"), "{}", ran.stderr);
    assert!(!is_followed && proxy.accept().is_err());
}
