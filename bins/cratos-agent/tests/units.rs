//! The units that are shipped, judged by systemd.

use std::path::Path;
use std::process::Command;

fn packaging() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd")
}

#[test]
fn the_units_are_as_hard_as_they_say() {
    let Some(analyze) = test_peers::program("systemd-analyze") else {
        return;
    };
    for unit in [
        "cratos-agent.service",
        "cratos-agent-restore.service",
        "cratos-agent-defectdojo.service",
    ] {
        // The number is ten times the exposure.
        let judged = Command::new(&analyze)
            .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
            .arg(packaging().join(unit))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&judged.stdout);
        assert!(
            judged.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&judged.stderr)
        );
        assert!(said.contains(&format!("Overall exposure level for {unit}")), "{said}");
    }
}

#[test]
fn only_who_changes_rules_gets_the_capability_for_it() {
    let text = |path: &str| std::fs::read_to_string(packaging().join(path)).unwrap();
    let capabilities = |path: &str| {
        let text = text(path);
        let set = text
            .lines()
            .filter_map(|line| line.strip_prefix("AmbientCapabilities="));
        set.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(capabilities("cratos-agent.service"), [""]);
    assert_eq!(capabilities("cratos-agent-defectdojo.service"), [""]);
    assert_eq!(capabilities("cratos-agent.service.d/netfilter.conf"), ["CAP_NET_ADMIN"]);
    assert_eq!(capabilities("cratos-agent-restore.service"), ["CAP_NET_ADMIN"]);
    assert!(text("cratos-agent-restore.service").contains("\nBefore=network-pre.target"));
}
