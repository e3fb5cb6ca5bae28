//! The access log and the audit lines of a daemon that serves real feeds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use misp_sim::{RunningSim, Sim};
use rustix::process::Signal;

use crate::support::{Daemon, Installation, block_on, client};
use crate::tokens;

const SITE: &str = "tag: example\nmispTimeoutSeconds: 5\nallowed_ips: [127.0.0.1]\n";
const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";

/// Returns an installation whose access log is `log/access.log`, with these further lines in its core file.
fn installation(more: &str) -> Installation {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    fs::create_dir(installation.path().join("log")).unwrap();
    let core = installation.read("config/config.yaml");
    installation.write(
        "config/config.yaml",
        &format!("{core}access_log: log/access.log\n{more}"),
    );
    installation
}

fn mint(installation: &Installation, sim: &RunningSim) -> String {
    tokens::minted(installation.path(), sim, &["--label", "fw1 \"x\""])
}

/// Waits until the log has this many lines, and returns them.
fn lines(daemon: &mut Daemon, installation: &Installation, file: &str, number: usize) -> Vec<String> {
    daemon.wait_for(|_| {
        let text = fs::read_to_string(installation.path().join(file)).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= number).then_some(lines)
    })
}

fn ask(request: reqwest::RequestBuilder) -> u16 {
    block_on(async { request.send().await.unwrap().status().as_u16() })
}

#[test]
fn each_answer_has_a_line_and_no_way_to_bring_a_token_shows_it() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = installation("");
    let token = mint(&installation, &sim);
    let (first, second) = token.split_at(token.len() / 2);
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    let feed = format!("{base}{FEED}");
    let asked = [
        client().get(&feed).header("token", &token),
        client().get(format!("{feed}?cache=60&token={token}")),
        client().get(format!("{base}/t/{token}{FEED}")),
        client().get(&feed).bearer_auth(&token),
        client().get(&feed).basic_auth("cratos", Some(&token)),
        client().get(&feed).basic_auth(first, Some(second)),
    ];
    let given = asked.len();
    for request in asked {
        assert_eq!(ask(request), 200);
    }
    let refused = [
        (401, client().get(format!("{feed}?tok={token}"))),
        (404, client().get(format!("{base}/t/{token}/V1/check"))),
        (404, client().get(format!("{base}/{token}"))),
        (
            401,
            client()
                .get(format!("{feed}?{token}"))
                .header("referer", format!("https://x/?token={token}")),
        ),
        (
            404,
            client()
                .get(format!("{base}/nothing"))
                .header("user-agent", format!("x \"y\" {token}")),
        ),
    ];
    let all = given + refused.len();
    for (status, request) in refused {
        assert_eq!(ask(request), status);
    }
    let lines = lines(&mut daemon, &installation, "log/access.log", all);
    let id = lines[0].split(' ').rev().nth(3).unwrap();
    assert!(
        id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{}",
        lines[0]
    );
    for line in &lines[..given] {
        assert!(line.starts_with("127.0.0.1 - \"127.0.0.1\" ["), "{line}");
        assert!(line.contains(" HTTP/1.1\" 200 "), "{line}");
        assert!(line.ends_with(&format!(" {id} \"fw1 \\x22x\\x22\" \"-\"")), "{line}");
    }
    assert!(
        lines[1].contains(&format!("\"GET {FEED}?cache=60&token=ANONYMIZED HTTP/1.1\"")),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains(&format!("\"GET /t/ANONYMIZED{FEED} HTTP/1.1\"")),
        "{}",
        lines[2]
    );
    for line in &lines[given..] {
        let reason = if line.contains(" 401 ") {
            "Could not validate token, or token not set."
        } else {
            "-"
        };
        assert!(
            line.starts_with("127.0.0.1 - \"No valid token set\" [")
                && line.ends_with(&format!(" - \"-\" \"{reason}\"")),
            "{line}"
        );
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let said = daemon.stderr();
    let audit: Vec<_> = said
        .lines()
        .filter(|line| line.contains("cratosd::audit: feed given"))
        .collect();
    assert_eq!(audit.len(), given, "{said}");
    for field in [
        &format!("token_id={id}"),
        "feed=\"block\"",
        "type=\"ipv4\"",
        "age=\"1w\"",
        "output=\"txt\"",
        "etag=\"\\\"",
        "count=",
    ] {
        assert!(audit[0].contains(field), "{field}: {}", audit[0]);
    }
    let log = installation.read("log/access.log");
    for secret in [token.as_str(), first, second, Sim::READER_KEY] {
        assert!(!said.contains(secret) && !log.contains(secret), "{said}\n{log}");
    }
    let mode = fs::metadata(installation.path().join("log/access.log"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o137, 0, "{mode:o}");
}

#[test]
fn a_file_that_logrotate_moved_is_made_anew_and_json_is_a_line_each() {
    let installation = installation("log_format: json\n");
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    ask(client().get(format!("{base}/healthz")));
    let before = lines(&mut daemon, &installation, "log/access.log", 1);
    let fields: serde_json::Value = serde_json::from_str(&before[0]).unwrap();
    assert_eq!(
        (&fields["url"], &fields["status"], &fields["bytes"]),
        (&"/healthz".into(), &200.into(), &3.into())
    );
    let folder = installation.path().join("log");
    fs::rename(folder.join("access.log"), folder.join("access.log.old")).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for(|_| folder.join("access.log").exists().then_some(()));
    ask(client().get(format!("{base}/readyz")));
    let after = lines(&mut daemon, &installation, "log/access.log", 1);
    assert!(
        after[0].contains("/readyz") && !after[0].contains("/healthz"),
        "{after:?}"
    );

    let core = installation.read("config/config.yaml");
    installation.write(
        "config/config.yaml",
        &core.replace("log_format: json", "log_format: reference"),
    );
    daemon.wait_for_log("configuration read again and in force");
    daemon.signal(Signal::HUP);
    daemon.wait_for(|_| {
        ask(client().get(format!("{base}/readyz")));
        let text = fs::read_to_string(folder.join("access.log")).unwrap();
        text.lines()
            .last()
            .unwrap_or_default()
            .starts_with("127.0.0.1 - ")
            .then_some(())
    });
}

/// One truth for both commands: a directory that the daemon can make is not a problem, and one that it cannot make is a
/// problem for both.
#[test]
fn a_missing_directory_of_the_log_is_made_and_is_no_problem_for_check() {
    let installation = installation("");
    fs::remove_dir(installation.path().join("log")).unwrap();
    let ran = installation.run(&["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(!installation.path().join("log").exists(), "check changes nothing");
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    assert_eq!(ask(client().get(format!("{base}/healthz"))), 200);
    lines(&mut daemon, &installation, "log/access.log", 1);
    let mode = fs::metadata(installation.path().join("log"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o027, 0, "{mode:o}");
}

#[test]
fn a_log_that_cannot_be_written_is_refused_by_check_and_serve_in_the_same_words() {
    let installation = installation("");
    fs::remove_dir(installation.path().join("log")).unwrap();
    installation.write("log", "a file where the directory should be");
    let checked = installation.run(&["check"]);
    let served = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
    insta::assert_snapshot!(checked.outcome(), @r"
    exit 64
    config/config.yaml:4:13: access_log: cannot be written by this user: Not a directory (os error 20): make its directory writable for the user that runs the daemon, or name another file
    ");
    assert_eq!((checked.code, served.code), (Some(64), Some(64)));
    assert!(
        served.stderr.contains(checked.stderr.trim()),
        "{}\n{}",
        served.stderr,
        checked.stderr
    );
}

#[test]
fn a_log_that_goes_bad_while_the_daemon_runs_costs_lines_and_no_answer() {
    let installation = installation("");
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    let (log, away) = (installation.path().join("log"), installation.path().join("away"));
    fs::rename(&log, &away).unwrap();
    fs::write(&log, "a file where the directory should be").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("the access log cannot be written");
    assert_eq!(ask(client().get(format!("{base}/healthz"))), 200);
    daemon.wait_for_log("lines of the access log are lost");
    daemon.wait_for(|_| {
        let page = block_on(async {
            let page = client().get(format!("{base}/metrics")).send().await;
            page.unwrap().text().await.unwrap()
        });
        page.contains("cratos_access_log_lost_total ").then_some(())
    });
    fs::remove_file(&log).unwrap();
    assert_eq!(ask(client().get(format!("{base}/healthz"))), 200);
    lines(&mut daemon, &installation, "log/access.log", 1);
}

/// An operator at night asks why a device gets nothing; both logs answer.
#[test]
fn a_refused_request_is_logged_with_its_reason_and_whose_token_it_is() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = installation("");
    let token = mint(&installation, &sim);
    let digest = token_crypto::token_sha256(&token);
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    let feed = format!("{base}{FEED}");
    assert_eq!(ask(client().get(&feed).basic_auth("admin", Some(&token))), 403);
    assert_eq!(ask(client().get(&feed).bearer_auth("AAAA")), 403);
    let lookup = client().get(format!("{base}/v1/lookup?value=192.0.2.1"));
    assert_eq!(ask(lookup.header("token", &token)), 403);
    installation.write(
        "sites/127.0.0.1.yaml",
        &format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n"),
    );
    daemon.wait_for_log("configuration read again and in force");
    assert_eq!(ask(client().get(&feed).header("token", &token)), 403);
    assert_eq!(ask(client().get(&feed).header("authorization", "Basic !!!")), 401);
    let lines = lines(&mut daemon, &installation, "log/access.log", 5);
    let ends = [
        "- \"-\" \"The password is a token, and the user name is not `cratos`: send the user name `cratos` with it.\"",
        "- \"-\" \"the token has no known format\"",
        "\"fw1 \\x22x\\x22\" \"This token does not have the permission `lookup`.\"",
        "\"fw1 \\x22x\\x22\" \"The provided API token is blacklisted and cannot be used.\"",
        "- \"-\" \"Invalid authentication credentials\"",
    ];
    for (line, end) in lines.iter().zip(ends) {
        assert!(line.ends_with(end), "{line}\n{end}");
        assert!(!line.contains("No valid token set"), "{line}");
    }
    let sites = lines
        .iter()
        .filter(|line| line.starts_with("127.0.0.1 - \"127.0.0.1\" ["));
    assert_eq!(sites.count(), 2, "{lines:?}");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let said = daemon.stderr();
    let refused: Vec<_> = said
        .lines()
        .filter(|line| line.contains("cratosd::refused: refused"))
        .collect();
    assert_eq!(refused.len(), 5, "{said}");
    assert!(
        refused[3].contains("reason=\"The provided API token is blacklisted and cannot be used.\"")
            && refused[3].contains("site=\"127.0.0.1\"")
            && refused[3].contains("token_id=")
            && refused[3].contains("label=\"fw1"),
        "{}",
        refused[3]
    );
    let log = installation.read("log/access.log");
    assert!(!said.contains(&token) && !log.contains(&token), "{said}\n{log}");
}

/// Anyone can send requests without a good token; the operator must still see why a device of ours is refused.
#[test]
fn a_flood_of_strangers_does_not_hide_why_a_device_is_refused() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = installation("");
    let token = mint(&installation, &sim);
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    let client = client();
    block_on(async {
        for _ in 0..70 {
            let answer = client.get(format!("{base}{FEED}")).send().await.unwrap();
            assert_eq!(answer.status(), 401);
        }
        let lookup = client.get(format!("{base}/v1/lookup?value=192.0.2.1"));
        let answer = lookup.header("token", &token).send().await.unwrap();
        assert_eq!(answer.status(), 403);
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let said = daemon.stderr();
    let refused = |text: &str| {
        let lines = said.lines().filter(|line| line.contains("cratosd::refused: refused"));
        lines.filter(|line| line.contains(text)).count()
    };
    assert_eq!(refused("status=401"), 60, "{said}");
    assert_eq!(refused("does not have the permission `lookup`"), 1, "{said}");
}
