//! From nothing to a feed: `init`, `check`, `serve`, `token mint`, and a request.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{Daemon, cratosd, get, run};
use crate::tokens;

const INIT: [&str; 6] = ["init", "new", "--site", "127.0.0.1", "--tag", "example"];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_configuration_serves_a_feed() {
    let sim = misp_sim::demo().start_now().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ran = run(directory.path(), &INIT);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(
        ran.stdout.contains("wrote new/config/config.yaml\n") && ran.stdout.contains("1. cd new\n"),
        "{}",
        ran.stdout
    );

    let new = directory.path().join("new");
    let checked = run(&new, &["check"]);
    assert_eq!(
        (checked.code, checked.stderr.as_str()),
        (Some(0), ""),
        "{}",
        checked.stdout
    );
    assert!(
        checked.stdout.ends_with("1 site, 0 problems, 0 notes\n"),
        "{}",
        checked.stdout
    );

    let mut daemon = Daemon::start(cratosd(&new, &["serve", "--listen", "127.0.0.1:0"]));
    let base = format!("http://{}", daemon.address());
    let token = tokens::minted(&new, &sim, &[]);
    let answer = get(
        &format!("{base}/v1/feed/block/type/ipv4/age/1w/output/txt"),
        Some(&token),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.body.is_empty());
    assert_eq!(
        get(&format!("{base}/v1/feed/block/type/ipv4/age/1w/output/txt"), None).status,
        401
    );
}

#[test]
fn nobody_else_can_read_what_is_written() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &INIT).code, Some(0));
    let new = directory.path().join("new");
    for (path, expected) in [
        ("", 0o700),
        ("config", 0o700),
        ("sites", 0o700),
        ("config/config.yaml", 0o600),
        ("config/mappings.yaml", 0o600),
        ("sites/127.0.0.1.yaml", 0o600),
    ] {
        assert_eq!(mode(&new.join(path)), expected, "{path}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &INIT).code, Some(0));
    let config = directory.path().join("new/config/config.yaml");
    let before = std::fs::read_to_string(&config).unwrap();
    let again = run(
        directory.path(),
        &["init", "new", "--site", "misp.example.net", "--tag", "example"],
    );
    assert_eq!((again.code, again.stdout.as_str()), (Some(64), ""));
    insta::assert_snapshot!(again.stderr, @"error: new/config/config.yaml exists already: no file was written; choose another directory");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    assert!(!directory.path().join("new/sites/misp.example.net.yaml").exists());
}

#[test]
fn every_key_is_there_with_its_comment_and_secrets_are_fresh() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &INIT).code, Some(0));
    assert_eq!(
        run(
            directory.path(),
            &[
                "init",
                "other",
                "--site",
                "2001:DB8::1",
                "--tag",
                "no",
                "--allow-ip",
                "10.0.0.0/8,192.0.2.7"
            ]
        )
        .code,
        Some(0)
    );
    let read = |path: &str| std::fs::read_to_string(directory.path().join(path)).unwrap();
    let (first, second) = (read("new/config/config.yaml"), read("other/config/config.yaml"));
    assert_ne!(first, second);
    let site = read("other/sites/2001:db8::1.yaml");
    assert!(
        site.contains("tag: \"no\"\n") && site.contains("allowed_ips:\n  - \"10.0.0.0/8\"\n  - \"192.0.2.7/32\"\n\n"),
        "{site}"
    );
    for key in site_config::reference() {
        let (outer, inner) = key.name.split_once('.').unwrap_or((key.name, key.name));
        let text = match key.file {
            site_config::ConfigFile::Core => &first,
            site_config::ConfigFile::Mappings => &read("new/config/mappings.yaml"),
            site_config::ConfigFile::Site => &site,
        };
        assert!(
            text.contains(&format!("{outer}:")) && text.contains(&format!("{inner}:")),
            "{}",
            key.name
        );
    }
    assert!(!first.contains("GENERATE ME"), "{first}");
}

#[test]
fn a_tag_that_cannot_be_one_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    for tag in ["", "!no", "a\nb"] {
        let ran = run(
            directory.path(),
            &["init", "new", "--site", "misp.example.net", "--tag", tag],
        );
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(64), ""),
            "{tag:?}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.starts_with("error: --tag: ") && ran.stderr.lines().count() == 1,
            "{}",
            ran.stderr
        );
        assert!(!directory.path().join("new").exists());
    }
}

#[test]
fn a_tag_that_cannot_be_a_prefix_is_refused_with_what_one_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    for (tag, said) in [
        (
            "example:incident-classification=block",
            "write the text before its first colon only, `example`",
        ),
        (
            "two words",
            "such as `example` for the tag `example:incident-classification=block`",
        ),
        (
            "!example",
            "such as `example` for the tag `example:incident-classification=block`",
        ),
    ] {
        let ran = run(
            folder.path(),
            &["init", "new", "--site", "misp.example.net", "--tag", tag],
        );
        assert_eq!(ran.code, Some(64), "{tag}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!folder.path().join("new").exists());
    }
}
