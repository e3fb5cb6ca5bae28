//! The example `own_program` as a daemon: everything that an operator does with `cratosd` works with it.
//!
//! This binary is also that program: it runs as one when its first argument says so.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "helpers of tests are tests")]

#[path = "../../examples/own_program.rs"]
#[expect(dead_code, reason = "an example has a main")]
mod own_program;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "written for the tests of the command line")]
mod support;

use std::env;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};
use rustix::process::Signal;
use support::{Daemon, Installation, Ran, get, run_with};

const AS_PROGRAM: &str = "own-program";

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/wazuh-cdb";

fn main() -> ExitCode {
    let mut args: Vec<_> = env::args_os().collect();
    if args.get(1).is_some_and(|first| first == AS_PROGRAM) {
        args.remove(1);
        return own_program::program().main(args);
    }
    let trials = vec![
        trial(
            "a_token_for_an_own_output_gets_a_feed_from_an_own_source",
            a_token_gets_a_feed,
        ),
        trial("an_own_program_reloads_on_sighup_and_ends_on_sigterm", reloads_and_ends),
        trial("check_help_and_feed_know_the_own_output", commands_know_the_output),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

fn installation() -> Installation {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    installation.write("domains.txt", "bad.example\nnot a domain\nworse.example\n");
    installation
}

fn program(installation: &Installation, args: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .arg(AS_PROGRAM)
        .args(args)
        .current_dir(installation.path())
        .env_clear();
    command.env("CRATOS_AUTH_KEY", "0123456789012345678901234567890123456789");
    command
}

fn run(installation: &Installation, args: &[&str]) -> Ran {
    run_with(program(installation, args), "")
}

fn token(installation: &Installation) -> String {
    let site = ["token", "mint", "--site", "misp.example.net", "--expires", "2099-12-31"];
    let scope = ["--feed", "block", "--type", "domain", "--output", "wazuh-cdb"];
    let minted = run(installation, &[&site[..], &scope].concat());
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    assert!(minted.stderr.contains("wazuh-cdb"), "{}", minted.stderr);
    minted.stdout.trim().to_owned()
}

fn serve(installation: &Installation) -> Daemon {
    Daemon::start(program(installation, &["serve", "--listen", "127.0.0.1:0"]))
}

fn a_token_gets_a_feed() {
    let installation = installation();
    let token = token(&installation);
    let mut daemon = serve(&installation);
    let base = format!("http://{}", daemon.address());
    let feed = get(&format!("{base}{FEED}"), Some(&token));
    assert_eq!(
        (feed.status, feed.body.as_str()),
        (200, "bad.example:\nworse.example:\n")
    );
    let other = get(&format!("{base}{}", FEED.replace("wazuh-cdb", "txt")), Some(&token));
    assert_eq!(other.status, 403, "the token is for one output");
    let document = get(&format!("{base}/openapi.json"), None).body;
    assert!(document.contains("A CDB list of Wazuh with host names."), "{document}");
}

fn reloads_and_ends() {
    let installation = installation();
    let token = token(&installation);
    let mut daemon = serve(&installation);
    let feed = format!("http://{}{FEED}", daemon.address());
    assert_eq!(get(&feed, Some(&token)).status, 200);
    installation.write("sites/misp.example.net.yaml", "tag: example\nenabled: False\n");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("site is not served: its file says `enabled: False`");
    assert_eq!(get(&feed, Some(&token)).status, 403);
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success(), "{}", daemon.stderr());
}

fn commands_know_the_output() {
    let installation = installation();
    let check = run(&installation, &["check"]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    let help = run(&installation, &["token", "mint", "--help"]).stdout;
    assert!(help.contains("wazuh-cdb") && help.contains("paloalto"), "{help}");
    let feed = [
        "feed",
        "--site",
        "misp.example.net",
        "block",
        "domain",
        "1w",
        "wazuh-cdb",
    ];
    let feed = run(&installation, &feed);
    assert_eq!(feed.stdout, "bad.example:\nworse.example:\n", "{}", feed.stderr);
    let builtin = [
        "token",
        "mint",
        "--site",
        "misp.example.net",
        "--expires",
        "1y",
        "--output",
        "wazuh-cdb",
    ];
    let builtin = installation.run(&builtin);
    assert_eq!(builtin.code, Some(64));
    assert!(builtin.stderr.contains("wazuh-cdb"), "{}", builtin.stderr);
}
