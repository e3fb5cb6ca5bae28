//! `cratosd token`: makes tokens and looks into them.

mod description;
mod inspect;
mod mint;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token for a device; it goes to standard output, what it allows to standard error
    Mint(mint::Options),
    /// Show what a token allows and when it ends; never its MISP key
    Inspect(inspect::Options),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Mint(options) => mint::run(options),
        Command::Inspect(options) => inspect::run(options),
    }
}

pub(super) use mint::{seal, today};
