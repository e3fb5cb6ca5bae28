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

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let mut circles = Vec::new();
    for member in Workspace::read()?.members {
        let modules = source::modules(&member.folder.join("src"))?;
        let found = Graph::of(&modules).circles();
        let name = member.folder_name();
        circles.extend(found.iter().map(|circle| format!("{name}: {circle}")));
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
