//! Modules of one crate use each other one way: a reader can start at the bottom and never meets a name from above.
//!
//! The check reads `use` lines and `mod` lines, no other code. A parent may use its children and they may use it, since
//! a parent is the place for what its children share. Every other circle is refused, for example `auth → request →
//! routes → auth`. The crate's root does not count: a path such as `crate::App` leads to the module that the root
//! re-exports it from.

mod graph;
mod source;

use anyhow::bail;

use crate::metadata::Workspace;
use crate::outcome::Outcome;
use graph::Graph;

/// Crates whose circles are older than this check. A name goes away with its last circle and none is added.
const OLDER_THAN_THE_CHECK: &[&str] = &["cratos-agent"];

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let mut circles = Vec::new();
    for member in Workspace::read()?.members {
        let modules = source::modules(&member.folder.join("src"))?;
        let found = Graph::of(&modules).circles();
        let name = member.folder_name();
        if !OLDER_THAN_THE_CHECK.contains(&name) {
            circles.extend(found.iter().map(|circle| format!("{name}: {circle}")));
        } else if found.is_empty() {
            circles.push(format!(
                "{name} has no circle left: remove it from the list in xtask/src/circles.rs"
            ));
        } else {
            found
                .iter()
                .for_each(|circle| println!("older than this check: {name}: {circle}"));
        }
    }
    if !circles.is_empty() {
        bail!(
            "{} faults with circles of modules: move what both sides need below both, or pass it in\n{}",
            circles.len(),
            circles.join("\n")
        );
    }
    Ok(Outcome::Passed)
}
