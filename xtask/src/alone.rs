//! Each library with features builds alone without any of them. `publish` builds each one with its default features.
//!
//! In a build of the whole workspace a crate gets the features that its neighbours ask of a shared dependency, so a
//! feature that it forgot to request goes unnoticed until another program embeds that crate alone.

use crate::cargo::{cargo, run as run_command};
use crate::metadata::Workspace;
use crate::outcome::Outcome;
use crate::tools;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    // Clippy rather than check: it turns a warning in our code into an error without a flag that would rebuild every
    // dependency.
    let clippy = tools::missing_component("clippy", "clippy").is_none();
    let workspace = Workspace::read()?;
    let libraries = workspace.members.iter().filter(|member| member.library.is_some());
    for member in libraries.filter(|member| member.has_features) {
        let words = [
            if clippy { "clippy" } else { "check" },
            "--lib",
            "--no-default-features",
            "-p",
            &member.name,
        ];
        let mut command = cargo(&words);
        if clippy {
            command.args(["--", "-D", "warnings"]);
        }
        run_command(&mut command)?;
    }
    Ok(Outcome::Passed)
}
