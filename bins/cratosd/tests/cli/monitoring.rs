//! The alerts and the dashboard of `packaging/`: the metrics that they name exist, and the real Prometheus reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use misp_sim::{Attribute, Event, Fault, RunningSim, Sim};
use serde_json::Value;
use test_peers::handbook::blocks;
use test_peers::{Peer, free_port, program};

use crate::story::{FEED, SITE};
use crate::support::{Daemon, Installation, block_on};
use crate::tls::secured;
use crate::tokens;

const RULES: &str = include_str!("../../../../packaging/prometheus/cratos.rules.yml");
const DASHBOARD: &str = include_str!("../../../../packaging/grafana/cratos.json");

/// What stands in the place of the dashboard's variables.
const VARIABLES: [(&str, &str); 4] = [
    ("$__rate_interval", "5m"),
    ("$instance", ".*"),
    ("$site", ".*"),
    ("$agent", ".*"),
];

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

/// A daemon with everything that has metrics: TLS, an access log, a mirror, sightings, a value that the guard keeps
/// out, a tag that MISP lacks, and a token that ends soon.
struct World {
    sim: RunningSim,
    daemon: Daemon,
    base: String,
    _installation: Installation,
}

impl World {
    fn new() -> Self {
        let site = format!("{SITE}mirror_poll: 1s\n");
        let installation = secured("access_log: access.log\n").with_site("127.0.0.1", &site);
        let block = Event::new("block").tag("example:incident-classification=block");
        let block = ["a.evil.example", "co.uk"]
            .iter()
            .fold(block, |event, name| event.attribute(Attribute::new("domain", *name)));
        let sim = Sim::builder().event(block).start_now().unwrap();
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("STATE_DIRECTORY", installation.path().join("state"));
        let mut daemon = Daemon::start(command);
        let base = format!("https://{}", daemon.address());
        let token = tokens::ending_in(&sim, 10);
        for feed in [FEED, &FEED.replace("block", "alert")] {
            assert_eq!(ask(&format!("{base}{feed}"), &token).0, 200);
        }
        Self {
            sim,
            daemon,
            base,
            _installation: installation,
        }
    }
}

fn ask(url: &str, token: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true);
    let request = client.build().unwrap().get(url).header("token", token);
    block_on(async {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

/// Returns each expression of the dashboard, with something in the place of its variables.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" => found.push(text.clone()),
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn dashboard() -> Vec<String> {
    let mut found = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut found);
    let filled = found.into_iter().map(|expression| {
        let fill = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
        VARIABLES.iter().fold(expression, fill)
    });
    filled.collect()
}

fn alerts() -> BTreeSet<&'static str> {
    let names = RULES
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    names.collect()
}

fn promtool(words: &[&str], folder: &Path) {
    let Some(promtool) = program("promtool") else { return };
    let output = Command::new(promtool).current_dir(folder).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// The numbers of the agent are the business of its own tests.
#[test]
fn every_metric_that_an_alert_or_the_dashboard_names_exists() {
    let world = World::new();
    let texts = dashboard().into_iter().chain([RULES.to_owned(), DASHBOARD.to_owned()]);
    let mut named = BTreeSet::new();
    for text in texts {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        let words = words.filter(|word| word.starts_with("cratos_") && !word.starts_with("cratos_agent_"));
        named.extend(words.map(str::to_owned));
    }
    assert!(named.len() >= 30, "{named:?}");
    // The mirror and the question for the tag take a moment.
    test_peers::until("each metric is there", || {
        let (status, metrics) = ask(&format!("{}/metrics", world.base), "");
        assert_eq!(status, 200);
        named.retain(|name| {
            let of_histogram = name.strip_suffix("_bucket").unwrap_or(name);
            let lines = [format!("# TYPE {of_histogram} "), format!("\n{name}{{")];
            !lines.iter().any(|line| metrics.contains(line))
        });
        if !named.is_empty() {
            eprintln!("not there yet: {named:?}");
        }
        named.is_empty()
    });
}

#[test]
fn promtool_takes_the_alerts_their_tests_and_the_expressions_of_the_dashboard() {
    let folder = packaged("prometheus");
    promtool(&["check", "rules", "cratos.rules.yml"], &folder);
    promtool(&["test", "rules", "cratos.test.yml"], &folder);
    let tests = fs::read_to_string(folder.join("cratos.test.yml")).unwrap();
    for alert in alerts() {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n");
        assert!(tests.contains(&fires), "no test has {alert} fire");
    }
    let expressions = dashboard();
    assert!(expressions.len() > 25, "{}", expressions.len());
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let quoted = serde_json::to_string(expression).unwrap();
        rules.push_str(&format!("      - record: panel:{number}\n        expr: {quoted}\n"));
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("panels.yml"), rules).unwrap();
    promtool(&["check", "rules", "panels.yml"], scratch.path());
}

#[test]
fn the_configuration_of_the_handbook_is_read_and_each_alert_has_its_line_there() {
    let rules = packaged("prometheus/cratos.rules.yml");
    let scratch = tempfile::tempdir().unwrap();
    let mut read = 0;
    for block in blocks().iter().filter(|block| block.kind == "prometheus") {
        let text = block
            .text
            .replace("/etc/prometheus/cratos.rules.yml", &rules.display().to_string());
        fs::write(scratch.path().join("prometheus.yml"), text).unwrap();
        promtool(&["check", "config", "prometheus.yml"], scratch.path());
        read += 1;
    }
    assert_eq!(read, 1);
    let mut told = BTreeSet::new();
    for page in ["operate.md", "agent.md"] {
        let text = fs::read_to_string(packaged("../docs").join(page)).unwrap();
        let rows = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `Cratos")?.split_once('`'));
        told.extend(rows.map(|(name, _)| format!("Cratos{name}")));
    }
    let alerts: BTreeSet<String> = alerts().into_iter().map(str::to_owned).collect();
    assert_eq!(told, alerts);
}

/// Prometheus evaluates every second what it evaluates once a minute otherwise.
#[test]
fn a_real_prometheus_scrapes_the_daemon_and_notices_that_misp_fails() {
    let Some(prometheus) = program("prometheus") else {
        return;
    };
    let mut world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['{}']\n\
         scrape_configs:\n\
         - job_name: cratos\n  scheme: https\n  tls_config: {{insecure_skip_verify: true}}\n\
         \x20 static_configs: [{{targets: ['{}']}}]\n",
        packaged("prometheus/cratos.rules.yml").display(),
        world.daemon.address(),
    );
    fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let mut command = Command::new(prometheus);
    command
        .current_dir(folder.path())
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=data")
        .arg("--log.level=error")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _prometheus = Peer::listening(&mut command, port);
    let api = |path: &str| {
        let (_, text) = ask(&format!("http://127.0.0.1:{port}/api/v1/{path}"), "");
        serde_json::from_str::<Value>(&text).unwrap_or_default()["data"].clone()
    };
    test_peers::until("the daemon is scraped", || {
        api("targets")["activeTargets"][0]["health"] == "up"
    });
    world.sim.set_fault(Fault::Status(500));
    test_peers::until("an alert is pending", || {
        let alerts = api("alerts")["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .any(|alert| alert["labels"]["alertname"] == "CratosMirrorFails" && alert["state"] == "pending")
    });
    let mut rules = Vec::new();
    test_peers::until("each rule is evaluated", || {
        let groups = api("rules")["groups"].as_array().cloned().unwrap_or_default();
        let of_group = |group: &Value| group["rules"].as_array().cloned().unwrap_or_default();
        rules = groups.iter().flat_map(of_group).collect();
        rules.iter().all(|rule| rule["health"] != "unknown")
    });
    assert_eq!(rules.len(), alerts().len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}
