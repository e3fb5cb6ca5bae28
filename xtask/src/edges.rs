//! Dependencies between our crates point one way, and the crates that do no I/O stay free of what does it.
//!
//! A new crate gets a line in [`ALLOWED`]: who may stand on whom is decided there and nowhere else.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::cargo::{cargo, output_of};
use crate::metadata::{Member, Workspace};
use crate::outcome::Outcome;

/// Each crate by the name of its folder, which is its name in our code, and which of ours it may use in what it ships.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cache", &["service-kit"]),
    (
        "catalogue",
        &["feed-classification", "misp-client", "misp-mirror", "tlp"],
    ),
    (
        "cratos-agent",
        &["defectdojo", "enforcement", "feed-classification", "service-kit"],
    ),
    ("client-address", &[]),
    ("config-file", &[]),
    // The types of feeds and values.
    ("cratos-client", &["feed-classification", "service-kit"]),
    (
        "cratosd",
        &[
            "cache",
            "client-address",
            "feed-classification",
            "feed-engine",
            "gateway",
            "http-front",
            "misp-client",
            "misp-sim",
            "service-kit",
            "sightings",
            "site-config",
            "token-crypto",
        ],
    ),
    // The ages of look-ups are those of feeds.
    (
        "defectdojo",
        &[
            "config-file",
            "cratos-client",
            "feed-classification",
            "service-kit",
            "state-file",
        ],
    ),
    (
        "enforcement",
        &[
            "config-file",
            "cratos-client",
            "feed-classification",
            "service-kit",
            "state-file",
        ],
    ),
    ("feed-classification", &["tlp"]),
    (
        "feed-engine",
        &[
            "cache",
            "catalogue",
            "feed-classification",
            "misp-client",
            "misp-mirror",
            "service-kit",
            "site-config",
            "state-file",
            "token-crypto",
        ],
    ),
    (
        "gateway",
        &[
            "cache",
            "client-address",
            "feed-classification",
            "feed-engine",
            "misp-client",
            // Feature `testkit`: a MISP stand-in behind the daemon of tests.
            "misp-sim",
            "service-kit",
            "sightings",
            "site-config",
            "token-crypto",
        ],
    ),
    ("http-front", &["client-address", "service-kit", "state-file"]),
    ("misp-client", &["service-kit", "web-protocol"]),
    ("misp-mirror", &["misp-client", "state-file"]),
    ("misp-sim", &[]),
    ("service-kit", &[]),
    ("sightings", &["service-kit", "state-file"]),
    // The names of feeds and indicator types are the vocabulary of the configuration.
    ("site-config", &["config-file", "feed-classification"]),
    ("state-file", &[]),
    ("test-peers", &[]),
    ("tlp", &[]),
    ("token-crypto", &["tlp", "web-protocol"]),
    ("web-protocol", &[]),
    ("xtask", &["feed-classification", "site-config", "test-peers"]),
];

/// Which of ours any crate may use in its tests, beside what [`ALLOWED`] gives it.
const ALLOWED_IN_TESTS: &[&str] = &["misp-sim", "test-peers"];

/// Which of ours single crates may use in their tests beside that: ways through several programs.
const ALLOWED_IN_TESTS_OF: &[(&str, &[&str])] = &[
    (
        "cratos-agent",
        &[
            "config-file",
            "cratos-client",
            "cratosd",
            "feed-engine",
            "site-config",
            "token-crypto",
        ],
    ),
    ("cratosd", &["defectdojo"]),
];

/// Crates that must build without an async runtime and without HTTP.
const QUIET: &[&str] = &["client-address", "feed-classification", "site-config", "token-crypto"];

/// What [`QUIET`] crates must not reach, however far down.
const LOUD: &[&str] = &["hyper", "reqwest", "tokio"];

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let workspace = Workspace::read()?;
    let mut problems: Vec<String> = workspace.members.iter().flat_map(wrong_edges).collect();
    for quiet in QUIET {
        let reached = reached_by(&["-p", &format!("cratos-{quiet}")])?;
        let loud = LOUD.iter().filter(|name| reached.contains(**name));
        problems
            .extend(loud.map(|name| format!("{quiet} reaches {name}; see `cargo tree -p cratos-{quiet} -i {name}`")));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(Outcome::Passed)
}

/// Returns the names of all crates that the selected packages ship or are built with, all features on.
pub(crate) fn reached_by(selection: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut command = cargo(&[
        "tree",
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let tree = output_of(command.args(selection))?;
    Ok(tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

fn wrong_edges(member: &Member) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == member.folder_name()) else {
        return vec![format!(
            "{} is a new crate: say in xtask/src/edges.rs what it may use",
            member.folder_name()
        )];
    };
    let ours = member.dependencies.iter().filter(|dependency| dependency.ours);
    let wrong = ours.filter(|dependency| {
        let name = dependency.name.as_str();
        // A crate that asks for itself in its tests only switches a feature of its own on.
        let own = ALLOWED_IN_TESTS_OF.iter().find(|(of, _)| *of == member.folder_name());
        let in_tests = ALLOWED_IN_TESTS.contains(&name)
            || name == member.folder_name()
            || own.is_some_and(|(_, allowed)| allowed.contains(&name));
        !(allowed.contains(&name) || dependency.for_tests && in_tests)
    });
    wrong
        .map(|dependency| {
            let where_to = if dependency.for_tests {
                "in its tests"
            } else {
                "in what it ships"
            };
            format!(
                "{} must not use {} {where_to}; ARCHITECTURE.md says which way dependencies point",
                member.folder_name(),
                dependency.name
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn member(name: &str, uses: &str, for_tests: bool) -> Member {
        Member {
            name: name.to_owned(),
            dependencies: vec![Dependency {
                name: uses.to_owned(),
                for_tests,
                ours: true,
            }],
            ..Member::default()
        }
    }

    #[test]
    fn a_crate_may_switch_its_own_features_on_in_its_tests() {
        assert!(wrong_edges(&member("feed-classification", "feed-classification", true)).is_empty());
    }

    #[test]
    fn the_simulator_is_allowed_in_tests_only() {
        assert!(wrong_edges(&member("misp-client", "misp-sim", true)).is_empty());
        assert_eq!(wrong_edges(&member("misp-client", "misp-sim", false)).len(), 1);
    }

    #[test]
    fn an_edge_against_the_direction_is_reported() {
        assert_eq!(wrong_edges(&member("cache", "feed-engine", false)).len(), 1);
        assert_eq!(wrong_edges(&member("token-crypto", "site-config", true)).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_reported() {
        assert!(wrong_edges(&member("newcomer", "cache", false))[0].contains("newcomer is a new crate"));
    }
}
