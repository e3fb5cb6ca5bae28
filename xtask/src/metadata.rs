//! What `cargo metadata` says about our own crates.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use crate::cargo::{cargo, output_of};

/// Our crates, without those that they get from elsewhere.
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
}

/// One crate of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    /// The folder that its `Cargo.toml` is in.
    pub(crate) folder: PathBuf,
    pub(crate) description: String,
    pub(crate) has_library: bool,
    /// Its `default` feature is there and switches something on.
    pub(crate) has_default_features: bool,
    pub(crate) dependencies: Vec<Dependency>,
    /// Dependencies that are right though no source file names them, from `[package.metadata.cargo-machete] ignored`.
    pub(crate) used_unnamed: Vec<String>,
}

/// One line of a `[dependencies]` table.
pub(crate) struct Dependency {
    /// The name that the crate's own `Cargo.toml` and code use.
    pub(crate) name: String,
    /// It stands under `[dev-dependencies]`.
    pub(crate) for_tests: bool,
    /// It is one of our crates.
    pub(crate) ours: bool,
}

impl Workspace {
    /// Reads the manifests; resolves and downloads nothing.
    pub(crate) fn read() -> anyhow::Result<Workspace> {
        let text = output_of(&mut cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
        let value: Value = serde_json::from_str(&text).context("`cargo metadata` did not answer in JSON")?;
        let mut members = list(&value, "packages")
            .map(Member::from_json)
            .collect::<Result<Vec<_>, _>>()?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Workspace { members })
    }
}

impl Member {
    fn from_json(package: &Value) -> anyhow::Result<Member> {
        let manifest = PathBuf::from(text(package, "manifest_path"));
        let folder = manifest
            .parent()
            .context("a package without a manifest path")?
            .to_owned();
        let kinds = list(package, "targets").flat_map(|target| list(target, "kind"));
        Ok(Member {
            name: text(package, "name"),
            folder,
            description: text(package, "description"),
            has_library: kinds.into_iter().any(|kind| kind == "lib"),
            has_default_features: package
                .pointer("/features/default")
                .and_then(Value::as_array)
                .is_some_and(|features| !features.is_empty()),
            dependencies: list(package, "dependencies").map(Dependency::from_json).collect(),
            used_unnamed: package
                .pointer("/metadata/cargo-machete/ignored")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }
}

impl Dependency {
    fn from_json(dependency: &Value) -> Dependency {
        let renamed = dependency.get("rename").and_then(Value::as_str).map(str::to_owned);
        Dependency {
            name: renamed.unwrap_or_else(|| text(dependency, "name")),
            for_tests: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
            ours: dependency.get("path").is_some(),
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
