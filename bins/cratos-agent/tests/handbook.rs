//! The commands of the handbook work, and the metrics exist that the alerts and the dashboard name.

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Answer, Host, StandIn};
use test_peers::handbook::{Block, blocks};

/// What `bash` runs before a block: what goes on for ever is stopped once it enforces, and the agent finds its file.
const PRELUDE: &str = r#"
set -euo pipefail
cratos-agent() {
    if [ "$1" != run ]; then command cratos-agent --config "$AGENT_YAML" "$@"; return; fi
    command cratos-agent --config "$AGENT_YAML" run &
    local agent=$!
    sleep 0.2
    kill -TERM "$agent"
    wait "$agent"
}
"#;

fn of_kind(kind: &str) -> Vec<Block> {
    blocks().into_iter().filter(|block| block.kind == kind).collect()
}

#[test]
fn every_command_of_the_agents_page_works() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example", "b.example"]));
    let program = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cratos-agent"), program.path().join("cratos-agent")).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut typed = 0;
    // The other page's commands need a DefectDojo, and are typed in `tests/defectdojo.rs`.
    for block in of_kind("agent").iter().filter(|block| block.page == "docs/agent.md") {
        let output = Command::new("bash")
            .env("PATH", format!("{}:{path}", program.path().display()))
            .env("AGENT_YAML", host.config_file())
            .args(["-c", &format!("{PRELUDE}{}", block.text)])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {output:?}", block.place());
        typed += 1;
    }
    assert!(typed > 0);
    assert_eq!(host.list(), ["a.example", "b.example"]);
}

#[test]
fn every_metric_that_an_alert_or_the_dashboard_names_is_written() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    let output = command
        .arg("--config")
        .arg(host.config_file())
        .arg("apply")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = fs::read_to_string(host.path("agent.prom")).unwrap();
    let mut named = BTreeSet::new();
    for file in ["prometheus/cratos.rules.yml", "grafana/cratos.json"] {
        let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
        let text = fs::read_to_string(packaging.join(file)).unwrap();
        for word in text.split(|c: char| !(c.is_ascii_lowercase() || c == '_')) {
            if word.starts_with("cratos_agent_") {
                assert!(written.contains(&format!("\n{word}{{")), "{file}: {word}: {written}");
                named.insert(word.to_owned());
            }
        }
    }
    assert!(named.len() >= 5, "{named:?}");
}
