//! The demo, end to end: every feed × type × output over a real socket, what it prints, and what it never logs.

use std::process::Command;

use feed_classification::{FeedName, IndicatorType, Registry, TypeSet};
use futures_util::{StreamExt as _, stream};
use misp_sim::Sim;
use rustix::process::Signal;

use crate::support::{Daemon, block_on, client, cratosd, get};

pub(crate) struct Demo {
    daemon: Daemon,
    pub(crate) base: String,
    pub(crate) token: String,
    guide: String,
}

impl Demo {
    pub(crate) fn start(command: Command) -> Self {
        let mut daemon = Daemon::start(command);
        let base = format!("http://{}", daemon.address());
        let guide = daemon.wait_for(|daemon| Some(daemon.stdout()).filter(|text| text.contains("cratosd init --help")));
        let token = guide
            .lines()
            .find_map(|line| line.strip_prefix("token "))
            .unwrap()
            .trim()
            .to_owned();
        Self {
            daemon,
            base,
            token,
            guide,
        }
    }
}

pub(crate) fn demo(directory: &std::path::Path) -> Command {
    let mut command = cratosd(directory, &["demo", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", directory);
    command
}

/// Of the sample's URLs, https with a path each, the network shows nothing that a rule could look for. The subject of
/// its mail has a character that these formats separate by.
const CANNOT_SAY: [&str; 4] = [
    "/type/url/age/1w/output/suricata",
    "/type/url/age/1w/output/snort",
    "/type/email-subject/age/1w/output/wazuh",
    "/type/email-subject/age/1w/output/graylog-dsv",
];

#[test]
fn every_feed_and_type_answers_in_every_output_with_real_data() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let registry = Registry::builtin();
    let outputs: Vec<_> = registry.names().collect();
    assert!(
        ["txt", "json", "xml", "yaml", "b64"]
            .iter()
            .all(|name| outputs.contains(name))
    );
    let mut paths = Vec::new();
    for feed in FeedName::NAMES {
        for kind in IndicatorType::ALL {
            // In every output for three feeds, and in one for the others: a token may ask 5 000 times in a row.
            let takes_all = ["incident", "block", "any"].contains(feed);
            let fitting = registry.iter().filter(|exporter| {
                let about = exporter.about();
                about.accepts.contains(*kind) && (takes_all || about.name == "txt")
            });
            paths.extend(fitting.map(|exporter| {
                let output = exporter.about().name;
                format!("/v1/feed/{feed}/type/{kind}/age/1w/output/{output}")
            }));
        }
    }
    let client = client();
    let answers: Vec<_> = block_on(
        stream::iter(&paths)
            .map(|path| {
                let request = client.get(format!("{}{path}", demo.base)).header("token", &demo.token);
                async move {
                    let answer = request.send().await.unwrap();
                    (path, answer.status().as_u16(), answer.bytes().await.unwrap())
                }
            })
            .buffer_unordered(4)
            .collect(),
    );
    assert_eq!(answers.len(), paths.len());
    let mut empty = Vec::new();
    for (path, status, body) in answers {
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        if body.is_empty() && !CANNOT_SAY.iter().any(|end| path.ends_with(end)) {
            empty.push(path);
        }
        assert!(!(path.ends_with("/json") && &body[..] == b"[]"), "{path} has no values");
    }
    assert!(empty.is_empty(), "without a byte: {empty:#?}");
}

#[test]
fn the_printed_lines_work_when_pasted_into_bash() {
    if Command::new("curl").arg("--version").output().is_err()
        || Command::new("bash").arg("--version").output().is_err()
    {
        eprintln!("skipped: this needs curl and bash");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let (examples, everything) = demo.guide.split_once("# Every feed, every type, every output").unwrap();
    let curls: Vec<_> = examples.lines().filter(|line| line.starts_with("curl ")).collect();
    let said: Vec<_> = curls.iter().map(|line| bash(line)).collect();
    assert_eq!(said.len(), 11, "{examples}");
    assert!(
        said[0]
            .split("\r\n")
            .all(|line| line.parse::<std::net::Ipv4Addr>().is_ok()),
        "{}",
        said[0]
    );
    assert!(said[1].starts_with("[\""), "{}", said[1]);
    assert!(said[2].starts_with("HTTP/1.1 304 "), "{}", said[2]);
    assert!(said[3].contains("rule ") && said[3].lines().count() > 3, "{}", said[3]);
    assert_eq!(said[4], "clear.marked.example.com");
    assert!(said[5].contains("2."), "{}", said[5]);
    assert!(
        said[6].contains(r#""found":true"#) && said[6].contains("event_info"),
        "{}",
        said[6]
    );
    assert!(
        said[7].contains(r#""complete":true"#) && said[7].contains("added"),
        "{}",
        said[7]
    );
    assert!(
        said[8].contains("event: snapshot\n") && said[8].contains("values"),
        "{}",
        said[8]
    );
    assert_eq!(said[9], r#"{"accepted":1,"duplicates":0,"errors":[]}"#);
    let minted: serde_json::Value = serde_json::from_str(&said[10]).unwrap();
    let minted = minted["token"].as_str().unwrap();
    let [may, may_not] =
        ["ipv4", "domain"].map(|kind| format!("{}/v1/feed/block/type/{kind}/age/1w/output/txt", demo.base));
    assert_eq!(
        (get(&may, Some(minted)).status, get(&may_not, Some(minted)).status),
        (200, 403)
    );

    // The loop as it is printed, but for the lists, which are the business of the test above.
    let (code, _) = everything.split_once("\ndone\n").unwrap();
    let code = code.split_once('\n').unwrap().1;
    let code: Vec<_> = code.lines().map(shortened).collect();
    let codes = bash(&format!("{}\ndone\n", code.join("\n")));
    let registry = Registry::builtin();
    let takes_all = registry
        .iter()
        .filter(|exporter| exporter.about().accepts == TypeSet::ALL);
    // Two feeds and two types.
    assert_eq!(codes.lines().count(), 4 * takes_all.count(), "{codes}");
    assert!(codes.lines().all(|line| line.starts_with("200 http://")), "{codes}");
}

/// Keeps two of the words of a `for` line.
fn shortened(line: &str) -> String {
    match line.split_once(" in ") {
        Some((start, words)) => format!(
            "{start} in {}; do",
            words.split(' ').take(2).collect::<Vec<_>>().join(" ")
        ),
        None => line.to_owned(),
    }
}

fn bash(script: &str) -> String {
    let output = Command::new("bash")
        .env("no_proxy", "*")
        .arg("-c")
        .arg(script)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn neither_token_nor_misp_key_is_ever_logged() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = demo(directory.path());
    command.env("RUST_LOG", "trace");
    let mut demo = Demo::start(command);
    let (base, token) = (&demo.base, &demo.token);
    let feed = "v1/feed/block/type/domain/age/1w/output/txt";
    let bearer = block_on(async {
        client()
            .get(format!("{base}/{feed}"))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    });
    let basic = block_on(async {
        client()
            .get(format!("{base}/{feed}"))
            .basic_auth("cratos", Some(token))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    });
    let statuses = [
        get(&format!("{base}/{feed}"), Some(token)).status,
        get(&format!("{base}/{feed}?token={token}"), None).status,
        get(&format!("{base}/t/{token}/{feed}"), None).status,
        bearer,
        basic,
    ];
    assert_eq!(statuses, [200; 5]);
    // Refusals too: a log of what went wrong is where secrets like to appear.
    assert_eq!(
        get(
            &format!("{base}/v1/feed/nonsense/type/ipv4/age/1w/output/txt?token={token}"),
            None
        )
        .status,
        422
    );
    assert_eq!(get(&format!("{base}/{feed}?token={token}x"), None).status, 403);
    demo.daemon.signal(Signal::INT);
    assert_eq!(demo.daemon.wait().code(), Some(0));
    let log = demo.daemon.stderr();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    let start_of_the_secret_part = &demo.token[10..40];
    for secret in [Sim::READER_KEY, &demo.token, start_of_the_secret_part] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
    // The guide shows it once, for the form; it belongs to the sample MISP.
    assert_eq!(
        demo.daemon
            .stdout()
            .lines()
            .filter(|line| line.contains("MISP instance "))
            .count(),
        1
    );
}

/// What the guide prints for a page is what its form takes.
#[test]
fn the_printed_values_make_a_token_through_the_form() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let line = demo.guide.lines().find(|line| line.contains("MISP instance ")).unwrap();
    let values: Vec<&str> = line.split(", ").map(|part| part.rsplit(' ').next().unwrap()).collect();
    let &[domain, proto, port, auth] = values.as_slice() else {
        panic!("{line}");
    };
    let fields = [
        ("domain", domain),
        ("proto", proto),
        ("port", port),
        ("auth", auth),
        ("expires_in", "30"),
    ];
    let form = fields.map(|(name, value)| format!("{name}={value}")).join("&");
    let page = block_on(async {
        let request = client()
            .post(format!("{}/v1/generate_token_form", demo.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        request.send().await.unwrap().text().await.unwrap()
    });
    let token = page.split_once("<code id=\"token\">").expect(&page).1;
    let token = token.split_once('<').unwrap().0;
    let feed = format!("{}/v1/feed/block/type/ipv4/age/1w/output/txt", demo.base);
    assert_eq!(get(&feed, Some(token)).status, 200);
}

#[test]
fn the_printed_pages_open() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let (_, pages) = demo.guide.split_once("Pages for a browser:\n").unwrap();
    let pages: Vec<&str> = pages
        .lines()
        .take(4)
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    for page in pages {
        assert_eq!(get(page, None).status, 200, "{page}");
    }
}

#[test]
fn ctrl_c_stops_it_and_nothing_stays_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(demo(directory.path()));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    demo.daemon.signal(Signal::INT);
    assert_eq!(demo.daemon.wait().code(), Some(0), "{}", demo.daemon.stderr());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The demo asks itself for a feed before it prints its guide. Stopped before it has the answer, it has not failed.
#[test]
fn ctrl_c_stops_it_before_the_guide_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..8 {
        let mut demo = Daemon::start(demo(directory.path()));
        demo.wait_for_log("listening on");
        demo.signal(Signal::INT);
        assert_eq!(demo.wait().code(), Some(0), "{}", demo.stderr());
    }
}

#[test]
fn the_guide_reads_well() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let text = demo
        .guide
        .replace(&demo.token, "<token>")
        .replace(&demo.base, "http://127.0.0.1:8080");
    insta::with_settings!({filters => [
        (r"sample MISP  http://127.0.0.1:\d+", "sample MISP  http://127.0.0.1:<port>"),
        (r"port \d+,", "port <port>,"),
        (r#""port": \d+,"#, "\"port\": <port>,"),
        (r#""expire": "[0-9-]+""#, "\"expire\": \"<day>\""),
        (r"until \d{4}-\d\d-\d\d", "until <day>"),
        (r"token: [A-Za-z0-9_-]{100,}", "token: <token of a sensor>"),
        (r#""[0-9a-f]{32}""#, "\"<etag>\""),
        (r"output/\{[a-z0-9,-]+\}", "output/{<outputs>}"),
    ]}, {
        insta::assert_snapshot!(text, @r#"
        cratosd demo: everything runs in this process, nothing leaves this machine. Ctrl-C ends it.

        feeds        http://127.0.0.1:8080
        sample MISP  http://127.0.0.1:<port>, with invented indicators for every feed and every type
        token        <token>
                     works until <day>, for every feed, type and output, for look-ups and for streams

        Pages for a browser:
          start      http://127.0.0.1:8080/
          try it     http://127.0.0.1:8080/v1/help
          reference  http://127.0.0.1:8080/redoc
          tokens     http://127.0.0.1:8080/v1/generate_token_form
                     MISP instance 127.0.0.1, http, port <port>, key simreaderkeysimreaderkeysimreaderkey0001

        Each of these can be pasted into another shell as it is.

        # Addresses to block, one a line:
        curl -s 'http://127.0.0.1:8080/v1/feed/block/type/ipv4/age/1w/output/txt' -H 'token: <token>'

        # The same as JSON:
        curl -s 'http://127.0.0.1:8080/v1/feed/block/type/ipv4/age/1w/output/json' -H 'token: <token>'

        # Ask again and get 304 without a body, since nothing has changed:
        curl -si 'http://127.0.0.1:8080/v1/feed/block/type/ipv4/age/1w/output/txt' -H 'token: <token>' -H 'If-None-Match: "<etag>"'

        # YARA rules, whole, over many lines:
        curl -s 'http://127.0.0.1:8080/v1/feed/hunt/type/yara/age/1w/output/txt' -H 'token: <token>'

        # Only the names that everybody may see (TLP):
        curl -s 'http://127.0.0.1:8080/v1/feed/block/type/domain/age/1w/output/txt?max_tlp=clear' -H 'token: <token>'

        # Does this token reach its MISP?
        curl -s 'http://127.0.0.1:8080/v1/check' -H 'token: <token>'

        # What is known of a name below a listed one, with its event:
        curl -s 'http://127.0.0.1:8080/v1/lookup?value=www.clear.marked.example.com' -H 'token: <token>'

        # The state of a feed now; with ?since=STATE only the difference to that state:
        curl -s 'http://127.0.0.1:8080/v1/changes/feed/block/type/ipv4/age/1w' -H 'token: <token>'

        # Follow a feed; here just its first event:
        curl -sN 'http://127.0.0.1:8080/v1/stream/feed/block/type/ipv4/age/1w' -H 'token: <token>' | head -n 5

        # Report to MISP that a name was seen, with the token of a sensor:
        curl -s 'http://127.0.0.1:8080/v1/sightings' -H 'token: <token of a sensor>' -d '{"value": "clear.marked.example.com"}'

        # Make a token that opens one feed and nothing else; the form does the same:
        curl -s 'http://127.0.0.1:8080/v1/generate_token_json' -H 'content-type: application/json' -d '{"domain": "127.0.0.1", "proto": "http", "port": <port>, "auth": "simreaderkeysimreaderkeysimreaderkey0001", "expire": "<day>", "scope": {"feeds": ["block"], "types": ["ipv4"]}}'

        # Every feed, every type, every output that takes all types: a status code for each
        for feed in incident alert block hunt cust1 cust2 cust3 cust4 cust5 any 42; do
          for type in ipv4ext ipv4 ipv6 cidr4 domain hostname url file-md5 file-sha1 file-sha256 mutex snort yara sigma x509-fingerprint-md5 x509-fingerprint-sha1 x509-fingerprint-sha256 email-address email-subject email-attachment vulnerability ja3 hassh-md5 hasshserver-md5 imphash crypto-currency chrome-extension-id edge-extension-id cidr6 ipv6ext ip ja4 filename user-agent; do
            curl -s -o /dev/null -w '%{http_code} %{url_effective}\n' -H 'token: <token>' \
              "http://127.0.0.1:8080/v1/feed/$feed/type/$type/age/1w/output/{<outputs>}"
          done
        done

        To go on with a MISP of your own: docs/quick-start.md, or `cratosd init --help`.
        "#);
    });
}
