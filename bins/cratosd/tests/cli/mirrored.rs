//! The mirror of the daemon: in the state directory, over a restart, and in memory.

use misp_sim::{Fault, Sim};
use rustix::process::Signal;
use token_crypto::Scope;

use crate::story::{FEED, SITE, sim};
use crate::support::{Daemon, Installation, get};
use crate::tokens;

const SERVES: &str = "feeds are answered from the mirror of MISP";

fn serve(installation: &Installation, is_durable: bool) -> Daemon {
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    if is_durable {
        command.env("STATE_DIRECTORY", installation.path().join("state"));
    }
    Daemon::start(command)
}

fn stop(mut daemon: Daemon) -> String {
    daemon.signal(Signal::TERM);
    daemon.wait();
    daemon.stderr()
}

#[test]
fn after_a_restart_feeds_are_served_from_the_state_directory_while_misp_is_down() {
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", SITE), sim());
    let mut daemon = serve(&installation, true);
    let base = format!("http://{}", daemon.address());
    assert_eq!(
        get(&format!("{base}{FEED}"), Some(&tokens::sealed(&sim, Scope::new()))).body,
        "a.evil.example"
    );
    daemon.wait_for_log(SERVES);
    let ready = get(&format!("{base}/readyz"), None).body;
    assert!(ready.contains("feeds come from the mirror"), "{ready}");
    let metrics = get(&format!("{base}/metrics"), None).body;
    assert!(
        metrics.contains("cratos_mirror_serving{site=\"127.0.0.1\""),
        "{metrics}"
    );
    assert!(!stop(daemon).contains("in memory"));

    sim.set_fault(Fault::Refuse);
    let mut daemon = serve(&installation, true);
    let base = format!("http://{}", daemon.address());
    daemon.wait_for_log(SERVES);
    let answer = get(&format!("{base}{FEED}"), Some(&tokens::sealed(&sim, Scope::new())));
    assert_eq!((answer.status, answer.body.as_str()), (200, "a.evil.example"));
    daemon.wait_for_log("the mirror cannot ask MISP");
    let ready = get(&format!("{base}/readyz"), None);
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert!(
        ready.body.contains("MISP cannot be asked what changed"),
        "{}",
        ready.body
    );
    let log = stop(daemon);
    assert!(!log.contains(Sim::READER_KEY) && !log.contains("evil"), "{log}");
}

#[test]
fn without_a_state_directory_the_mirror_is_in_memory_and_one_line_says_so() {
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", SITE), sim());
    let mut daemon = serve(&installation, false);
    let base = format!("http://{}", daemon.address());
    assert_eq!(
        get(&format!("{base}{FEED}"), Some(&tokens::sealed(&sim, Scope::new()))).status,
        200
    );
    daemon.wait_for_log(SERVES);
    let ready = get(&format!("{base}/readyz"), None).body;
    assert!(
        ready.contains("it is in memory only: no state directory is set"),
        "{ready}"
    );
    let log = stop(daemon);
    let told = log
        .lines()
        .filter(|line| line.contains(" WARN ") && line.contains("a mirror is kept in memory only"));
    assert_eq!(told.count(), 1, "{log}");
}

#[test]
fn a_site_without_a_mirror_says_so_and_keeps_no_files() {
    let site = format!("{SITE}mirror: False\n");
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", &site), sim());
    let mut daemon = serve(&installation, true);
    let base = format!("http://{}", daemon.address());
    assert_eq!(
        get(&format!("{base}{FEED}"), Some(&tokens::sealed(&sim, Scope::new()))).status,
        200
    );
    let ready = get(&format!("{base}/readyz"), None).body;
    assert!(
        ready.contains("each feed is a question to MISP: the site file says `mirror: off`"),
        "{ready}"
    );
    assert!(stop(daemon).contains("each feed is a question to MISP"));
    assert!(!installation.path().join("state/mirrors").exists());
}
