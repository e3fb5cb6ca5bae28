//! What `check` finds, offline and online.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use misp_sim::{Attribute, Event, Fault, Sim};
use test_peers::{Peer, free_port, program};

use crate::support::{Installation, Ran, run, run_with};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

/// An installation that has never been one of Cratos FastAPI.
fn ours() -> Installation {
    let installation = Installation::new();
    let core = installation.read("config/config.yaml");
    installation.write("config/config.yaml", &format!("{core}accept_legacy_tokens: False\n"));
    installation
}

#[test]
fn a_good_configuration_is_exit_0_with_a_summary() {
    let installation = ours()
        .with_site("misp.example.net", SITE)
        .with_site("off.example.net", "tag: x\nenabled: False\nallowed_ips: [127.0.0.1]\n");
    let ran = installation.run(&["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ran.stdout, @r#"
    sites/off.example.net.yaml:2:10: enabled: the site is disabled and answers nothing (Cratos FastAPI would go on serving it)
    2 sites (1 switched off), 0 problems, 1 note
    "#);
}

#[test]
fn configuration_that_other_users_may_change_is_noted_once_for_each_file_and_folder() {
    let installation = ours().with_site("a.example.net", SITE).with_site("b.example.net", SITE);
    let folder = std::fs::canonicalize(installation.path()).unwrap();
    let chmod = |name: &str, mode| {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("config/config.yaml", 0o602);
    chmod("sites", 0o777);
    let ran = installation.run(&["check"]);
    let told: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("may change it"))
        .collect();
    let note = |file: &str, place: &str| {
        let place = folder.join(place);
        format!(
            "{file}:1:1: {}: every user of this machine may change it; chmod o-w",
            place.display()
        )
    };
    assert_eq!(
        told,
        [note("config/config.yaml", "config/config.yaml"), note("sites", "sites")]
    );
    assert!(ran.stdout.contains("0 problems, 2 notes"), "{}", ran.stdout);
    let site = folder.join("sites/b.example.net.yaml");
    if std::os::unix::fs::chown(&site, Some(12), None).is_ok() {
        let ran = installation.run(&["check"]);
        let told = format!("{}: its owner (uid 12) may change it; chown root", site.display());
        assert!(ran.stdout.contains(&told), "{}", ran.stdout);
    }
}

#[test]
fn problems_of_sites_are_exit_64_with_a_line_each() {
    let installation = ours().with_site("misp.example.net", "tag: example\nallowed_ips: [1.2.3]\npage_sise: 1\n");
    let ran = installation.run(&["check"]);
    assert_eq!(ran.code, Some(64));
    insta::assert_snapshot!(ran.stderr, @r#"
    sites/misp.example.net.yaml:2:15: allowed_ips[0]: `1.2.3` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    sites/misp.example.net.yaml:3:1: page_sise: unknown key: write `page_size`, or remove the line
    "#);
    insta::assert_snapshot!(ran.stdout, @"1 site, 2 problems, 0 notes");
}

#[test]
fn problems_of_the_core_file_are_exit_64_with_a_line_each() {
    let installation = Installation::new();
    installation.write("config/config.yaml", "debugg: 1\n");
    let ran = installation.run(&["check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""));
    assert!(
        ran.stderr.lines().last().unwrap().ends_with(" problems"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_was_otherwise_in_cratos_fastapi_is_told_as_long_as_its_tokens_are_accepted() {
    let site = "tag: example\nallowed_ips: [127.0.0.1]\nmispTimeoutSeconds: 20\n";
    let moving = Installation::new().with_site("misp.example.net", site).run(&["check"]);
    assert_eq!((moving.code, moving.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(moving.stdout);
    let moved = ours().with_site("misp.example.net", site).run(&["check"]);
    insta::assert_snapshot!(moved.stdout);
}

fn online(installation: &Installation, port: u16, key: Option<&str>) -> Ran {
    let port = port.to_string();
    let mut command = installation.command(&["check", "--online", "--proto", "http", "--port", &port]);
    if let Some(key) = key {
        command.env("CRATOS_AUTH_KEY", key);
    }
    run_with(command, "")
}

#[test]
fn online_finds_a_misp_with_and_without_a_key() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let ran = online(&installation, sim.addr().port(), None);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("127.0.0.1: a MISP answers (no key was tried)\n"),
        "{}",
        ran.stdout
    );
    let ran = online(&installation, sim.addr().port(), Some(Sim::READER_KEY));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert!(
        ran.stdout.lines().last().unwrap().starts_with("127.0.0.1: MISP 2."),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(", feeds come from a mirror"), "{}", ran.stdout);
    let ran = online(&installation, sim.addr().port(), Some(&"x".repeat(40)));
    assert_eq!(ran.code, Some(69));
    assert!(
        ran.stderr.starts_with("127.0.0.1: MISP refused the key"),
        "{}",
        ran.stderr
    );
}

#[test]
fn online_looks_for_the_decaying_model_that_scores_are_reckoned_by() {
    let sim = misp_sim::demo().start_now().unwrap();
    let of = |model: &str| {
        let site = format!("{SITE}decaying_model: {model}\n");
        let installation = Installation::new().with_site("127.0.0.1", &site);
        online(&installation, sim.addr().port(), Some(Sim::READER_KEY))
    };
    let ran = of("NIDS Simple Decaying Model");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert!(
        ran.stdout
            .ends_with(", with the decaying model \"NIDS Simple Decaying Model\"\n"),
        "{}",
        ran.stdout
    );
    let ran = of("Nobody's");
    assert_eq!(ran.code, Some(69));
    assert_eq!(
        ran.stderr,
        "127.0.0.1: decaying_model \"Nobody's\": MISP has no decaying model of this name that the key may see\n"
    );
}

#[test]
fn online_asks_the_shared_cache_too() {
    let sim = misp_sim::demo().start_now().unwrap();
    let port = free_port();
    let installation = ours().with_site("127.0.0.1", SITE);
    let core = installation.read("config/config.yaml");
    let core = format!("{core}memcached_host: 127.0.0.1\nmemcached_port: {port}\n");
    installation.write("config/config.yaml", &core);
    let ran = online(&installation, sim.addr().port(), None);
    assert_eq!(ran.code, Some(69), "{}", ran.stdout);
    let place = format!("memcached at 127.0.0.1:{port}");
    assert!(
        ran.stdout.contains(&format!("shared cache: {place}\n")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.starts_with("shared cache: cannot be connected to"),
        "{}",
        ran.stderr
    );
    let Some(program) = program("memcached") else { return };
    let mut command = Command::new(program);
    let _server = Peer::listening(
        command.args(["-u", "nobody", "-l", "127.0.0.1", "-p", &port.to_string()]),
        port,
    );
    let ran = online(&installation, sim.addr().port(), None);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(&format!("{place}: takes and gives values\n")),
        "{}",
        ran.stdout
    );
}

#[test]
fn online_tells_what_is_no_misp() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    for fault in [
        Fault::Html { status: 200 },
        Fault::Html { status: 403 },
        Fault::Status(502),
        Fault::LoginRedirect,
    ] {
        sim.set_fault(&fault);
        let ran = online(&installation, sim.addr().port(), None);
        assert_eq!(ran.code, Some(69), "{fault:?}: {}", ran.stdout);
        assert!(ran.stderr.starts_with("127.0.0.1: "), "{}", ran.stderr);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = online(&installation, closed, None);
    assert_eq!(ran.code, Some(69));
    assert!(
        ran.stderr.starts_with("127.0.0.1: cannot connect to MISP"),
        "{}",
        ran.stderr
    );
}

#[test]
fn online_asks_every_misp_although_a_file_has_a_problem() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new()
        .with_site("127.0.0.1", SITE)
        .with_site("bad.example.net", "tag: [\n");
    let ran = online(&installation, sim.addr().port(), None);
    assert_eq!(ran.code, Some(64));
    assert!(ran.stderr.contains("sites/bad.example.net.yaml:"), "{}", ran.stderr);
    assert!(
        ran.stdout.ends_with("127.0.0.1: a MISP answers (no key was tried)\n"),
        "{}",
        ran.stdout
    );

    installation.write("config/mappings.yaml", "nonsense: 1\n");
    let ran = online(&installation, sim.addr().port(), None);
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr
            .ends_with("no MISP was asked: without these files it is not known which\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn where_there_is_no_configuration_init_is_named_by_every_command() {
    let empty = tempfile::tempdir().unwrap();
    let mint = ["token", "mint", "--site", "misp.example.net", "--expires", "90d"];
    for args in [&["check"][..], &["serve"], &mint] {
        let ran = run(empty.path(), args);
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(64), 1), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("`cratosd init DIR --site misp.example.net --tag example`"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn online_warns_of_a_tag_that_misp_does_not_have_and_names_the_closest() {
    let sim = misp_sim::demo().start_now().unwrap();
    let of = |site: &str| {
        let installation = ours().with_site("127.0.0.1", site);
        online(&installation, sim.addr().port(), Some(Sim::READER_KEY))
    };
    let wrong = of("tag: exmaple\nallowed_ips: [127.0.0.1]\n");
    assert_eq!(wrong.code, Some(0), "a warning is no fault: {}", wrong.stderr);
    let block = "127.0.0.1: warning: MISP has no tag `exmaple:incident-classification=block`, so the feed block is empty; \
                 the closest that it has: `example:incident-classification=block`";
    assert!(wrong.stderr.contains(block), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("correct `tag` in the site file"),
        "{}",
        wrong.stderr
    );
    let custom = of(&format!(
        "{SITE}custom_feeds:\n  cust1: \":incident-classification=blokc\"\n"
    ));
    assert_eq!(
        (custom.code, custom.stderr.lines().count()),
        (Some(0), 1),
        "{}",
        custom.stderr
    );
    assert!(
        custom
            .stderr
            .contains("so the feed cust1 is empty; the closest that it has: `example:inc"),
        "{}",
        custom.stderr
    );
    let right = of(SITE);
    assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""));
}

#[test]
fn online_shows_what_each_rule_of_the_guard_keeps_out_of_block_today() {
    let listed = [
        ("ip-dst", "10.0.0.1"),
        ("ip-dst", "10.0.0.2"),
        ("ip-dst", "10.0.0.3"),
        ("ip-dst", "192.168.0.0/15"),
        ("ip-dst", "192.0.2.1"),
        ("domain", "co.uk"),
        ("domain", "evil.example"),
        ("url", "http://www.own.example/x"),
    ];
    let event = Event::new("bad").tag("example:incident-classification=block");
    let add = |event: Event, (kind, value): &(&str, &str)| event.attribute(Attribute::new(*kind, *value));
    let sim = Sim::builder()
        .event(listed.iter().fold(event, add))
        .start_now()
        .unwrap();
    let site = format!("{SITE}never_export: [own.example]\n");
    let installation = Installation::new().with_site("127.0.0.1", &site);
    let ran = online(&installation, sim.addr().port(), Some(Sim::READER_KEY));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("guard rule")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    127.0.0.1: the guard rule special_purpose keeps 4 values out of block/ip/1m, or cuts them: 10.0.0.1, 10.0.0.2, 10.0.0.3 and 1 more
    127.0.0.1: the guard rule public_suffixes keeps 1 value out of block/domain/1m, or cuts them: co.uk
    127.0.0.1: the guard rule never_export keeps 1 value out of block/url/1m, or cuts them: http://www.own.example/x
    ");
    let without_a_key = online(&installation, sim.addr().port(), None);
    assert!(!without_a_key.stdout.contains("guard rule"), "{}", without_a_key.stdout);
}
