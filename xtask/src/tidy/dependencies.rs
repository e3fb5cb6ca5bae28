//! Every dependency is used: those that the workspace lists by some crate, those that a crate lists by its code.
//!
//! A look at the text, not at the types: a crate is used if a source file of the package names it. One that is right
//! though nothing names it (it only switches a feature on) is listed under `[package.metadata.cargo-machete] ignored`
//! with the reason.

use std::collections::BTreeSet;

use anyhow::Context as _;

use super::files::File;
use crate::cargo::root;
use crate::metadata::{Member, Workspace};

pub(crate) fn breaches(workspace: &Workspace, files: &[File]) -> anyhow::Result<Vec<String>> {
    let manifest = files
        .iter()
        .find(|file| file.path == "Cargo.toml")
        .context("Cargo.toml")?;
    let asked_for: BTreeSet<&str> = workspace
        .members
        .iter()
        .flat_map(|member| &member.dependencies)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let mut found: Vec<String> = listed(&manifest.text)
        .filter(|name| !asked_for.contains(name))
        .map(|name| format!("Cargo.toml: no crate uses {name}"))
        .collect();
    found.extend(workspace.members.iter().flat_map(|member| unnamed(member, files)));
    Ok(found)
}

/// Returns the names under `[workspace.dependencies]`.
fn listed(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest
        .lines()
        .skip_while(|line| line.trim() != "[workspace.dependencies]")
        .skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once([' ', '=', '.'])?.0))
}

fn unnamed(member: &Member, files: &[File]) -> Vec<String> {
    let root = root();
    let Ok(folder) = member.folder.strip_prefix(&root) else {
        return Vec::new();
    };
    let folder = format!("{}/", folder.display());
    let fuzz = format!("{folder}fuzz/");
    let own = |file: &&File| {
        file.path.starts_with(&folder) && !file.path.starts_with(&fuzz) && file.has_extension(&["md", "rs"])
    };
    let sources: Vec<&File> = files.iter().filter(own).collect();
    let dependencies = member
        .dependencies
        .iter()
        .filter(|dependency| !member.used_unnamed.contains(&dependency.name));
    dependencies
        .filter(|dependency| {
            !sources
                .iter()
                .any(|file| names(&file.text, &dependency.name.replace('-', "_")))
        })
        .map(|dependency| format!("{folder}Cargo.toml: {} is not used", dependency.name))
        .collect()
}

/// Returns whether `text` has `name` as a whole word.
fn names(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_workspace_is_read() {
        let manifest = "[workspace]\na = 1\n[workspace.dependencies]\n# ours\ncache = { path = \"x\" }\n\nserde = \"1\"\n[profile.dev]\nb = 2\n";
        assert_eq!(listed(manifest).collect::<Vec<_>>(), ["cache", "serde"]);
    }

    #[test]
    fn a_crate_is_named_as_a_whole_word_only() {
        assert!(names("use http::Method;", "http"));
        assert!(!names("use http_body::Body; httpdate()", "http"));
    }
}
