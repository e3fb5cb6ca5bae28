//! The table of common mistakes in `docs/agent.md`: every test in its last column exists.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agent.md"));

/// The names in the last column of the table.
fn named() -> Vec<&'static str> {
    let (_, section) = PAGE.split_once("## Common mistakes of scripts\n").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    let tests = rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().unwrap());
    tests
        .flat_map(|tests| tests.split(", ").map(|test| test.trim_matches('`')))
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_fault_in_the_table_has_its_test() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["bins", "crates"] {
        for member in fs::read_dir(workspace.join(folder)).unwrap() {
            for part in ["src", "tests"].map(|part| member.as_ref().unwrap().path().join(part)) {
                if part.is_dir() {
                    sources(&part, &mut files);
                }
            }
        }
    }
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let named = named();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        let function = format!("fn {name}()");
        assert!(
            texts.iter().any(|text| text.contains(&function)),
            "there is no test {name}"
        );
    }
}
