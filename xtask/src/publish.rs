//! Every crate that others may use can be published: its package holds all that it needs and builds from it alone.

use crate::cargo::{cargo, run as run_command};
use crate::metadata::Workspace;
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    // A person runs this before a commit, too.
    let mut command = cargo(&["package", "--workspace", "--allow-dirty", "--quiet"]);
    for member in Workspace::read()?.members.iter().filter(|member| !member.is_published) {
        command.args(["--exclude", &member.name]);
    }
    run_command(&mut command)?;
    Ok(Outcome::Passed)
}
