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
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The folder that its `Cargo.toml` is in.
    pub(crate) folder: PathBuf,
    pub(crate) description: String,
    /// The name of its library in code.
    pub(crate) library: Option<String>,
    /// Others may get it from a registry.
    pub(crate) is_published: bool,
    /// What a registry shows: keywords and categories, with how documentation is built.
    pub(crate) keywords: usize,
    pub(crate) categories: usize,
    pub(crate) says_how_to_document: bool,
    /// Its test programs: the files and folders in `tests`.
    pub(crate) tests: Vec<String>,
    /// The programs that it makes.
    pub(crate) programs: Vec<String>,
    /// Its example that writes completions and manual pages.
    pub(crate) pages: Option<String>,
    /// Its `[package.metadata.deb]`: what a Debian package of it is made of.
    pub(crate) deb: Option<Value>,
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

    /// Returns the crates whose programs people install.
    pub(crate) fn installed(&self) -> impl Iterator<Item = &Member> {
        let for_people = |member: &&Member| !member.programs.is_empty() && member.name != "xtask";
        self.members.iter().filter(for_people)
    }

    /// Returns the crates that a Debian package is made of.
    pub(crate) fn packaged(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.deb.is_some())
    }
}

impl Member {
    /// Returns the name of its folder: `misp-client` for the package `cratos-misp-client`.
    pub(crate) fn folder_name(&self) -> &str {
        let name = self.folder.file_name().and_then(|name| name.to_str());
        name.unwrap_or(&self.name)
    }

    fn from_json(package: &Value) -> anyhow::Result<Member> {
        let manifest = PathBuf::from(text(package, "manifest_path"));
        let folder = manifest
            .parent()
            .context("a package without a manifest path")?
            .to_owned();
        let targets_of = |kind: &str| {
            let of_kind = list(package, "targets").filter(move |target| list(target, "kind").any(|its| its == kind));
            of_kind.map(|target| text(target, "name")).collect::<Vec<_>>()
        };
        Ok(Member {
            name: text(package, "name"),
            version: text(package, "version"),
            folder,
            description: text(package, "description"),
            library: targets_of("lib").into_iter().next(),
            is_published: package.get("publish").is_none_or(Value::is_null),
            keywords: list(package, "keywords").count(),
            categories: list(package, "categories").count(),
            says_how_to_document: package.pointer("/metadata/docs/rs").is_some(),
            tests: targets_of("test"),
            programs: targets_of("bin"),
            // Programs share the folder of built examples, so that only one of these can be called just `pages`.
            pages: targets_of("example").into_iter().find(|name| name.ends_with("pages")),
            deb: package.pointer("/metadata/deb").cloned(),
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
