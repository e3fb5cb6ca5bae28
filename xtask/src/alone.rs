//! Each library builds alone, without its features and with those that it has by default.
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
    for member in workspace.members.iter().filter(|member| member.library.is_some()) {
        // Without default features, the second call finds everything done.
        for features in [&["--no-default-features"][..], &[]] {
            let mut command = cargo(&[if clippy { "clippy" } else { "check" }, "--lib", "-p", &member.name]);
            command.args(features);
            if clippy {
                command.args(["--", "-D", "warnings"]);
            }
            run_command(&mut command)?;
        }
    }
    Ok(Outcome::Passed)
}
