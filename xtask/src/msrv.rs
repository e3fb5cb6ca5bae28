//! The oldest Rust that compiles the workspace: no dependency asks for a newer one than `rust-version` says.
//!
//! Clippy's `incompatible_msrv`, which the workspace's lints switch on, holds our own code to it. That lint knows the
//! standard library; only a compiler of that version notices a newer piece of the language.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::cargo::{cargo, output_of};
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let host = output_of(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--all-features",
        "--filter-platform",
        host.trim(),
    ];
    let metadata =
        serde_json::from_str(&output_of(&mut cargo(&words))?).context("`cargo metadata` did not answer in JSON")?;
    let problems = problems(&metadata);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(Outcome::Passed)
}

/// A version of Rust as numbers that can be compared: 1.89 is 1.89.0.
type Version = (u64, u64, u64);

fn problems(metadata: &Value) -> Vec<String> {
    let resolved: BTreeSet<&str> = texts(metadata.pointer("/resolve/nodes"), "id").collect();
    let members = metadata.get("workspace_members").and_then(Value::as_array);
    let members: BTreeSet<&str> = members.into_iter().flatten().filter_map(Value::as_str).collect();
    let packages = || metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    let of_ours = packages().filter(|package| members.contains(text(package, "id")));
    let mut ours: BTreeSet<Option<Version>> = of_ours.map(asked_for).collect();
    let (Some(Some(ours)), true) = (ours.pop_first(), ours.is_empty()) else {
        return vec!["every crate of the workspace says `rust-version.workspace = true`".to_owned()];
    };
    let others =
        packages().filter(|package| resolved.contains(text(package, "id")) && !members.contains(text(package, "id")));
    let newer = others.filter(|package| asked_for(package).is_some_and(|version| version > ours));
    newer
        .map(|package| {
            format!(
                "{} {} needs Rust {}, and `rust-version` in Cargo.toml promises {}.{}: raise it, or take an older {0}",
                text(package, "name"),
                text(package, "version"),
                text(package, "rust_version"),
                ours.0,
                ours.1,
            )
        })
        .collect()
}

fn asked_for(package: &Value) -> Option<Version> {
    let mut numbers = text(package, "rust_version")
        .split('.')
        .map(|number| number.parse().ok());
    let major = numbers.next()??;
    let mut rest = || numbers.next().flatten().unwrap_or_default();
    Some((major, rest(), rest()))
}

fn texts<'a>(list: Option<&'a Value>, key: &'static str) -> impl Iterator<Item = &'a str> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries.map(move |entry| text(entry, key))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, rust_version: Option<&str>) -> Value {
        json!({ "id": name, "name": name, "version": "1.2.3", "rust_version": rust_version })
    }

    fn workspace(packages: &[Value], members: &[&str]) -> Value {
        json!({ "packages": packages, "workspace_members": members, "resolve": { "nodes": packages } })
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_named() {
        let packages = [
            package("ours", Some("1.89")),
            package("fits", Some("1.89.0")),
            package("says-nothing", None),
            package("newer", Some("1.90.0")),
        ];
        assert_eq!(
            problems(&workspace(&packages, &["ours"])),
            [
                "newer 1.2.3 needs Rust 1.90.0, and `rust-version` in Cargo.toml promises 1.89: raise it, or take an older newer"
            ]
        );
    }

    #[test]
    fn a_crate_of_ours_with_another_version_or_none_is_refused() {
        for other in [None, Some("1.95")] {
            let packages = [package("ours", Some("1.89")), package("odd", other)];
            assert_eq!(problems(&workspace(&packages, &["ours", "odd"])).len(), 1, "{other:?}");
        }
    }
}
