//! Every crate says what it is: a description, `//!` documentation, and for what others may embed a README.

use crate::metadata::{Member, Workspace};

pub(crate) fn breaches(workspace: &Workspace) -> Vec<String> {
    workspace.members.iter().flat_map(breaches_of).collect()
}

fn breaches_of(member: &Member) -> Vec<String> {
    let mut found = Vec::new();
    if member.description.is_empty() {
        found.push(format!("{}: Cargo.toml has no description", member.name));
    }
    if member.has_library && !member.folder.join("README.md").is_file() {
        found.push(format!("{}: there is no README.md", member.name));
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

fn is_documentation(line: &str) -> bool {
    line.starts_with("//! ") || line.starts_with("#![doc = include_str!(")
}
