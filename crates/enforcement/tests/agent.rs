//! From the answer of a server to the file that a consumer reads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::PathBuf;

use enforcement::state::StateDir;
use enforcement::{Agent, Config, Order, Outcome, Standing, chain};
use feed_classification::Registry;
use support::{Answer, Host, StandIn};

fn config(host: &Host) -> Config {
    Config::read(&host.config_file(), &Registry::builtin()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Asks once; returns the errors of the feeds and what became of the only target.
fn apply(host: &Host, order: Order) -> (Vec<String>, Outcome) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::open(config(host)).unwrap();
    let (failed, mut reports) = runtime.block_on(agent.apply(order)).unwrap();
    let failed = failed
        .iter()
        .map(|(feed, error)| format!("{feed}: {}", chain(error)))
        .collect();
    (failed, reports.pop().unwrap().outcome)
}

fn standing(host: &Host) -> Standing {
    let config = config(host);
    let progress = StateDir::at(&config.state_dir).progress("names").unwrap_or_default();
    Standing::new("names", progress, config.max_age, &enforcement::Moment::now())
}

#[test]
fn a_feed_gets_into_its_file_and_is_asked_for_politely() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer(
        "/v1/feed/block/type/domain/age/1w/output/txt",
        Answer::feed(&["a.example", "b.example"]),
    );
    let (failed, outcome) = apply(&host, Order::default());
    assert!(
        failed.is_empty() && matches!(&outcome, Outcome::Changed(diff) if diff.added.len() == 2),
        "{failed:?} {outcome:?}"
    );
    assert_eq!(host.list(), ["a.example", "b.example"]);
    let head = server.last_head().to_ascii_lowercase();
    assert!(
        head.contains("authorization: bearer a-token\r\n") && !head.contains("if-none-match"),
        "{head}"
    );
    assert!(head.contains("accept-encoding: zstd, gzip\r\n"), "{head}");
    let (_, outcome) = apply(&host, Order::default());
    assert!(matches!(outcome, Outcome::Unchanged), "{outcome:?}");
    assert!(
        server.last_head().to_ascii_lowercase().contains("if-none-match: \""),
        "{}",
        server.last_head()
    );
    assert!(!standing(&host).is_too_old);
    let metrics = fs::read_to_string(host.path("agent.prom")).unwrap();
    assert!(
        metrics.contains("cratos_agent_entries{target=\"names\"} 2\n"),
        "{metrics}"
    );
}

#[test]
fn lying_cut_dead_and_foreign_answers_leave_in_force_what_is() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    };
    let zipped = gzip(b"a.example\r\nb.example");
    let with_length = |bytes: &[u8], more: &str| {
        let head = format!("HTTP/1.1 200 OK\nContent-Length: {}\n{more}", bytes.len());
        Answer::raw(&head, bytes)
    };
    let answers = [
        (
            "cut in the middle",
            Answer::raw(
                "HTTP/1.1 200 OK\nContent-Length: 20\nX-Feed-Count: 2",
                b"a.example\r\nb.exa",
            ),
        ),
        (
            "no end to be seen",
            Answer::raw("HTTP/1.1 200 OK\nConnection: close\nX-Feed-Count: 1", b"a.example"),
        ),
        (
            "chunks without a last one",
            Answer::raw(
                "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nX-Feed-Count: 1",
                b"9\r\na.example\r\n",
            ),
        ),
        ("fewer than it says", with_length(b"a.example", "X-Feed-Count: 2")),
        ("empty though it says two", with_length(b"", "X-Feed-Count: 2")),
        (
            "more than it says",
            with_length(b"a.example\r\nb.example", "X-Feed-Count: 1"),
        ),
        ("no count", with_length(b"a.example", "X-Else: 1")),
        (
            "a log-in page",
            with_length(b"<html>\n<p>\n</html>", "X-Feed-Count: 3\nContent-Type: text/html"),
        ),
        (
            "half of a gzip",
            with_length(&zipped[..zipped.len() - 9], "X-Feed-Count: 2\nContent-Encoding: gzip"),
        ),
        (
            "no gzip",
            with_length(b"a.example", "X-Feed-Count: 1\nContent-Encoding: gzip"),
        ),
        (
            "an unknown compression",
            with_length(b"a.example", "X-Feed-Count: 1\nContent-Encoding: br"),
        ),
        (
            "a bomb",
            with_length(&gzip(&vec![b'a'; 1 << 20]), "X-Feed-Count: 1\nContent-Encoding: gzip"),
        ),
        ("too large", with_length(&vec![b'a'; 70_000], "X-Feed-Count: 1")),
        ("304 unasked", Answer::raw("HTTP/1.1 304 Not Modified\nX: 1", b"")),
        (
            "a redirect",
            Answer::raw("HTTP/1.1 302 Found\nLocation: /v1/elsewhere\nContent-Length: 0", b""),
        ),
        ("not HTTP", Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        ("nothing", Answer::Raw(Vec::new())),
        ("silence", Answer::Silence),
        ("a drip", Answer::Drip),
        ("401", Answer::status("401 Unauthorized")),
        ("403", Answer::status("403 Forbidden")),
        ("500", Answer::status("500 Internal Server Error")),
        ("503", Answer::status("503 Service Unavailable")),
        ("204", Answer::raw("HTTP/1.1 204 No Content\nX-Feed-Count: 0", b"")),
    ];
    let host = Host {
        more: format!("{}max_body_bytes: 65536\n", host.more),
        ..host
    };
    server.answer("domain", Answer::feed(&["old.example"]));
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    // Without its tag the questions are not conditional, so that 304 is a lie too.
    fs::remove_file(host.path("state/feeds/names.values")).unwrap();
    for (what, answer) in answers {
        server.answer("domain", answer);
        let (failed, outcome) = apply(&host, Order::default().accept_change(true));
        assert_eq!(failed.len(), 1, "{what}: {outcome:?}");
        assert!(!failed[0].contains("a-token"), "{what}: {failed:?}");
        assert!(matches!(outcome, Outcome::Waiting), "{what}: {outcome:?}");
        assert_eq!(host.list(), ["old.example"], "{what}");
    }
    server.answer(
        "domain",
        with_length(&zipped, "X-Feed-Count: 2\nContent-Encoding: gzip"),
    );
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list(), ["a.example", "b.example"]);
    let squeezed = zstd::encode_all(&b"c.example"[..], 3).unwrap();
    server.answer(
        "domain",
        with_length(&squeezed, "X-Feed-Count: 1\nContent-Encoding: zstd"),
    );
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list(), ["c.example"]);
}

#[test]
fn a_list_that_changes_under_the_same_tag_is_enforced() {
    let server = StandIn::start();
    let host = Host::new(&server);
    for value in ["a.example", "b.example"] {
        let head = "HTTP/1.1 200 OK\nContent-Length: 9\nX-Feed-Count: 1\nETag: \"same\"";
        server.answer("domain", Answer::raw(head, value.as_bytes()));
        assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
        assert_eq!(host.list(), [value], "the server was asked, and did not say 304");
    }
    assert!(
        server
            .last_head()
            .to_ascii_lowercase()
            .contains("if-none-match: \"same\"")
    );
}

#[test]
fn an_empty_answer_opens_nothing_until_an_operator_says_so() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    apply(&host, Order::default());
    server.answer("domain", Answer::feed(&[]));
    let (_, outcome) = apply(&host, Order::default());
    assert!(matches!(outcome, Outcome::Held(..)), "{outcome:?}");
    assert_eq!(host.list(), ["a.example"]);
    assert!(
        standing(&host)
            .progress
            .held
            .is_some_and(|held| held.contains("--accept-change"))
    );
    let (_, outcome) = apply(&host, Order::default().dry_run(true).accept_change(true));
    assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
    assert_eq!(host.list(), ["a.example"], "a dry run changes nothing");
    let (_, outcome) = apply(&host, Order::default().accept_change(true));
    assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
    assert!(host.list().is_empty() && host.path("names.txt").exists());
    assert_eq!(standing(&host).progress.held, None);
}

#[test]
fn one_bad_value_does_not_keep_the_rest_from_being_enforced() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer(
        "domain",
        Answer::feed(&["a.example", "b.example; rm -rf /", "c.example", "d.example"]),
    );
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list(), ["a.example", "c.example", "d.example"]);
    assert_eq!(standing(&host).progress.feeds["names"].refused, 1);
}

#[test]
fn nothing_grows_when_the_same_list_is_applied_again_and_again() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example", "b.example"]));
    let counting = format!("[sh, -c, \"echo x >> {}\"]", host.path("reloads").display());
    let targets = host
        .targets
        .replace("format: txt", &format!("format: txt, reload: {counting}"));
    let host = Host { targets, ..host };
    for _ in 0..3 {
        apply(&host, Order::default());
    }
    assert_eq!(host.list().len(), 2);
    assert_eq!(
        fs::read_to_string(host.path("reloads")).unwrap(),
        "x\n",
        "one reload for all values and all runs"
    );
    fs::write(host.path("names.txt"), "somebody else was here").unwrap();
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list().len(), 2);
}

#[test]
fn own_names_and_the_name_of_cratosd_are_never_blocked() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let host = Host {
        more: format!("{}never_block: [www.example.org]\n", host.more),
        ..host
    };
    server.answer(
        "domain",
        Answer::feed(&["evil.example", "example.org", "www.example.org"]),
    );
    apply(&host, Order::default());
    assert_eq!(host.list(), ["evil.example"]);
    assert_eq!(standing(&host).progress.never_blocked, 2);
}

#[test]
fn this_hosts_own_addresses_are_never_blocked() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let host = Host {
        feeds: host.feeds.replace("type: domain", "type: ip"),
        more: format!("{}admin_networks: [198.51.100.0/25]\n", host.more),
        ..host
    };
    server.answer(
        "type/ip/",
        Answer::feed(&["127.0.0.1", "198.51.100.0/24", "203.0.113.7", "2001:db8::/32"]),
    );
    apply(&host, Order::default());
    assert_eq!(host.list(), ["198.51.100.128/25", "2001:db8::/32", "203.0.113.7"]);
}

#[test]
fn a_feed_that_does_not_answer_removes_nothing() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let host = Host {
        feeds: format!("{}  - {{name: more, feed: alert, type: domain, age: 1w}}\n", host.feeds),
        targets: host.targets.replace("feeds: [names]", "feeds: [names, more]"),
        ..host
    };
    server.answer("block", Answer::feed(&["a.example"]));
    server.answer("alert", Answer::feed(&["b.example"]));
    apply(&host, Order::default());
    assert_eq!(host.list(), ["a.example", "b.example"]);
    server.answer("alert", Answer::status("503 Service Unavailable"));
    server.answer("block", Answer::feed(&["c.example"]));
    for file in ["state/feeds/more.values", "nothing"] {
        // Also when the last good values are gone.
        let _ = fs::remove_file(host.path(file));
        let (failed, _) = apply(&host, Order::default());
        assert_eq!(failed.len(), 1);
        assert!(host.list().contains(&"b.example".to_owned()), "{:?}", host.list());
    }
    assert!(standing(&host).progress.feeds["more"].error.is_some());
}

#[test]
fn a_second_feed_that_answers_later_is_no_change_to_hold_back() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let host = Host {
        feeds: format!("{}  - {{name: more, feed: alert, type: domain, age: 1w}}\n", host.feeds),
        targets: host.targets.replace("feeds: [names]", "feeds: [names, more]"),
        ..host
    };
    server.answer("block", Answer::feed(&["a.example"]));
    server.answer("alert", Answer::status("503 Service Unavailable"));
    apply(&host, Order::default());
    let many: Vec<String> = (0..400).map(|number| format!("m{number}.example")).collect();
    server.answer("alert", Answer::Feed(many));
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list().len(), 401);
    server.answer(
        "block",
        Answer::Feed((0..500).map(|number| format!("n{number}.example")).collect()),
    );
    assert!(
        matches!(apply(&host, Order::default()).1, Outcome::Held(..)),
        "now it is one"
    );
}

#[test]
fn a_restart_enforces_what_was_enforced_before_anybody_is_asked() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    apply(&host, Order::default());
    fs::remove_file(host.path("names.txt")).unwrap();
    let before = server.questions();
    let reports = Agent::open(config(&host)).unwrap().restore().unwrap();
    assert!(matches!(reports[0].outcome, Outcome::Unchanged), "{reports:?}");
    assert_eq!(host.list(), ["a.example"]);
    assert_eq!(server.questions(), before);
    fs::write(host.path("state/targets/names.values"), "torn").unwrap();
    fs::remove_file(host.path("names.txt")).unwrap();
    let reports = Agent::open(config(&host)).unwrap().restore().unwrap();
    assert!(
        matches!(reports[0].outcome, Outcome::Waiting),
        "a torn file is not enforced: {reports:?}"
    );
    assert!(!host.path("names.txt").exists());
}

#[test]
fn a_token_file_that_is_gone_changes_nothing() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    apply(&host, Order::default());
    fs::remove_file(host.path("token")).unwrap();
    let before = server.questions();
    let (failed, _) = apply(&host, Order::default());
    assert!(failed[0].contains("the token cannot be used"), "{failed:?}");
    assert_eq!((server.questions(), host.list().len()), (before, 1));
}

#[test]
fn the_reason_that_cratosd_gives_is_shown_without_the_token() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let body = br#"{"detail": "a-token is not allowed\r\nfrom \u001b[31m192.0.2.1"}"#;
    for (status, said) in [
        ("403 Forbidden", "cratosd refuses the token or this address (403): "),
        (
            "422 Unprocessable Content",
            "cratosd cannot answer this question (422): ",
        ),
        ("503 Service Unavailable", "cratosd has no answer now (503): "),
    ] {
        let head = format!("HTTP/1.1 {status}\nContent-Length: {}", body.len());
        server.answer("domain", Answer::raw(&head, body));
        let (failed, _) = apply(&host, Order::default());
        let expected = format!("names: {said}(the token) is not allowed from \\u{{1b}}[31m192.0.2.1");
        assert_eq!(failed, [expected]);
    }
}

#[test]
fn a_full_disk_leaves_the_list_as_it_was() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let Some(_disk) = Disk::mounted(host.path("small")) else {
        return;
    };
    let targets = host.targets.replace("names.txt", "small/names.txt");
    let host = Host { targets, ..host };
    let list = || fs::read_to_string(host.path("small/names.txt")).unwrap();
    server.answer("domain", Answer::feed(&["a.example"]));
    apply(&host, Order::default());
    let many: Vec<String> = (0..20_000)
        .map(|number| format!("much-too-long-{number}.example"))
        .collect();
    server.answer("domain", Answer::Feed(many));
    let (_, outcome) = apply(&host, Order::default().accept_change(true));
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(list(), "a.example");
    assert_eq!(
        fs::read_dir(host.path("small")).unwrap().count(),
        1,
        "nothing half-written stays"
    );
    assert!(
        standing(&host)
            .progress
            .error
            .is_some_and(|error| error.contains("No space left"))
    );
}

#[test]
fn a_full_disk_below_the_state_is_told_and_keeps_nothing_from_being_enforced() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let Some(_disk) = Disk::mounted(host.path("state")) else {
        return;
    };
    let many: Vec<String> = (0..20_000)
        .map(|number| format!("much-too-long-{number}.example"))
        .collect();
    server.answer("domain", Answer::Feed(many));
    for _ in 0..2 {
        let (failed, outcome) = apply(&host, Order::default());
        assert!(
            failed.is_empty() && matches!(outcome, Outcome::NotKept(_)),
            "{failed:?} {outcome:?}"
        );
        assert_eq!(host.list().len(), 20_000);
    }
    server.answer("domain", Answer::feed(&["a.example"]));
    assert!(matches!(apply(&host, Order::default()).1, Outcome::Changed(_)));
    assert_eq!(host.list(), ["a.example"]);
}

/// A disk that is soon full.
struct Disk(PathBuf);

impl Disk {
    fn mounted(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(words).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("skipped: only root can mount a small disk");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
