//! Every crate says what it is: a description, `//!` documentation, a README for libraries, and what a registry shows
//! of it.

use crate::metadata::{Member, Workspace};

pub(crate) fn breaches(workspace: &Workspace) -> Vec<String> {
    workspace.members.iter().flat_map(breaches_of).collect()
}

fn breaches_of(member: &Member) -> Vec<String> {
    let mut found = Vec::new();
    if member.description.is_empty() {
        found.push(format!("{}: Cargo.toml has no description", member.name));
    }
    if member.library.is_some() && !member.folder.join("README.md").is_file() {
        found.push(format!("{}: there is no README.md", member.name));
    }
    if member.is_published {
        found.extend(unpublishable(member).map(|missing| format!("{}: {missing}", member.name)));
    }
    for root in ["src/lib.rs", "src/main.rs"] {
        let text = std::fs::read_to_string(member.folder.join(root));
        if text.is_ok_and(|text| !text.lines().any(is_documentation)) {
            found.push(format!(
                "{}: {root} has neither `//!` documentation nor its README as such",
                member.name
            ));
        }
    }
    found
}

/// Returns what a registry would miss.
fn unpublishable(member: &Member) -> impl Iterator<Item = &'static str> {
    let is_library = member.library.is_some() && member.programs.is_empty();
    [
        (member.keywords == 0, "Cargo.toml has no keywords"),
        (member.categories == 0, "Cargo.toml has no categories"),
        (
            is_library && !member.says_how_to_document,
            "Cargo.toml has no [package.metadata.docs.rs]",
        ),
        (
            !member.folder.join("LICENSE").is_file(),
            "there is no LICENSE; make it a symbolic link to the one of the workspace",
        ),
    ]
    .into_iter()
    .filter_map(|(is_missing, what)| is_missing.then_some(what))
}

fn is_documentation(line: &str) -> bool {
    line.starts_with("//! ") || line.starts_with("#![doc = include_str!(")
}
