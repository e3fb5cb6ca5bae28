//! A daemon without requests sleeps.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Daemon, Installation, get};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

/// How long the daemon is watched.
const SPAN: Duration = Duration::from_secs(6);

/// Returns how often any thread of the process was switched to or from so far.
fn switches(daemon: &Daemon) -> u64 {
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
    threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .flat_map(|status| {
            let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
            counts
                .map(|(_, count)| count.trim().parse::<u64>().unwrap())
                .collect::<Vec<_>>()
        })
        .sum()
}

/// Returns the switches a second over some seconds in which nothing happens.
fn rate(daemon: &Daemon) -> f64 {
    // What the last request or reload left to do is not idleness.
    std::thread::sleep(Duration::from_secs(3));
    let (before, began) = (switches(daemon), Instant::now());
    std::thread::sleep(SPAN);
    (switches(daemon) - before) as f64 / began.elapsed().as_secs_f64()
}

#[test]
fn idle_it_makes_under_two_context_switches_a_second_and_still_sees_every_change() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let core = installation.read("config/config.yaml");
    // The log that it writes lies in a directory that it watches.
    installation.write("config/config.yaml", &format!("{core}access_log: config/access.log\n"));
    let mut daemon = installation.serve();
    let address = daemon.address();
    let asked = |daemon: &mut Daemon| {
        assert_eq!(get(&format!("http://{address}/healthz"), None).status, 200);
        daemon.wait_for(|_| installation.path().join("config/access.log").exists().then_some(()));
    };
    asked(&mut daemon);
    let seen = rate(&daemon);
    assert!(seen < 2.0, "{seen} context switches a second");

    // After all that sleep, in the three ways of editors and deployments.
    installation.write(
        "sites/misp.example.net.yaml",
        "tag: in-place\nallowed_ips: [127.0.0.1]\n",
    );
    daemon.wait_for_log("tag=\"in-place\"");
    installation.write("sites/.misp.new", "tag: renamed\nallowed_ips: [127.0.0.1]\n");
    let site = installation.path().join("sites/misp.example.net.yaml");
    fs::rename(installation.path().join("sites/.misp.new"), &site).unwrap();
    daemon.wait_for_log("tag=\"renamed\"");
    installation.write("elsewhere/site.yaml", "tag: linked\nallowed_ips: [127.0.0.1]\n");
    std::os::unix::fs::symlink("../elsewhere/site.yaml", installation.path().join("sites/.link")).unwrap();
    fs::rename(installation.path().join("sites/.link"), &site).unwrap();
    daemon.wait_for_log("tag=\"linked\"");
    installation.write(
        "elsewhere/site.yaml",
        "tag: behind-the-link\nallowed_ips: [127.0.0.1]\n",
    );
    daemon.wait_for_log("tag=\"behind-the-link\"");

    asked(&mut daemon);
    let seen = rate(&daemon);
    assert!(seen < 2.0, "{seen} context switches a second after the changes");
}
