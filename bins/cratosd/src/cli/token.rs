//! `cratosd token`: makes tokens, shows their contents, and converts old ones.

mod convert;
pub(super) mod input;
mod inspect;
mod mint;
mod scope_options;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token for a device: the token goes to standard output, its limits to standard error
    Mint(mint::Options),
    /// Show what a token allows and when it ends; never its MISP key
    Inspect(inspect::Options),
    /// Convert old tokens, those of Cratos FastAPI too, into new ones with the same MISP key
    Convert(convert::Options),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Mint(options) => mint::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Convert(options) => convert::run(options),
    }
}

pub(super) use mint::{seal, today};
