//! The help texts, since people read them first.

use crate::support::run;

fn help(args: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(directory.path(), args);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

#[test]
fn the_first_page_names_every_command() {
    insta::assert_snapshot!(help(&["--help"]), @"");
}

#[test]
fn serve_tells_its_files_and_signals() {
    insta::assert_snapshot!(help(&["serve", "--help"]), @"");
}

#[test]
fn demo_tells_that_nothing_stays_behind() {
    insta::assert_snapshot!(help(&["demo", "--help"]), @"");
}

#[test]
fn init_tells_what_it_needs() {
    insta::assert_snapshot!(help(&["init", "--help"]), @"");
}

#[test]
fn check_tells_what_online_does() {
    insta::assert_snapshot!(help(&["check", "--help"]), @"");
}

#[test]
fn names_that_may_be_typed_are_listed() {
    let mint = help(&["token", "mint", "--help"]);
    let feed = help(&["feed", "--help"]);
    for name in [
        "incident",
        "cust5",
        "42",
        "ipv4ext",
        "crypto-currency",
        "user-agent",
        "txt",
        "b64",
    ] {
        for text in [&mint, &feed] {
            assert!(text.contains(name), "{name}: {text}");
        }
    }
    assert!(mint.contains("clear_cache") && feed.contains("10y"));
}
