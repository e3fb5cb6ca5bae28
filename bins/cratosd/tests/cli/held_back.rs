//! Feeds that a running daemon holds back, from the command line.

use std::process::Command;

use crate::support::{Installation, run_with};
use crate::tokens;

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmirror: False\n";

#[test]
fn a_daemon_lists_the_feeds_that_it_holds_back_and_accepts_no_other() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let token = tokens::minted(installation.path(), &sim, &["--only", "operate"]);
    let mut daemon = installation.serve();
    let url = format!("http://{}", daemon.address());
    let ask = |words: &[&str]| {
        let mut command: Command = installation.command(words);
        command.args(["--url", &url]).env("CRATOS_TOKEN", &token);
        run_with(command, "")
    };
    let held = ask(&["feed", "held"]);
    assert_eq!((held.code, held.stdout.as_str()), (Some(0), "No feed is held back.\n"));
    let accept = ask(&["feed", "accept", "block/ipv4/1w"]);
    assert_eq!((accept.code, accept.stdout.as_str()), (Some(69), ""));
    assert_eq!(
        accept.stderr,
        "error: block/ipv4/1w: no smaller set of this feed is held back\n"
    );
    let no_feed = ask(&["feed", "accept", "block"]);
    assert_eq!(no_feed.code, Some(64), "{}", no_feed.stderr);
}
