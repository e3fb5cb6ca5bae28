//! `cratosd token`: makes tokens, looks into them, and makes new ones of old ones.

mod convert;
mod description;
mod input;
mod inspect;
mod mint;
mod scope_options;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token for a device; it goes to standard output, what it allows to standard error
    Mint(mint::Options),
    /// Show what a token allows and when it ends; never its MISP key
    Inspect(inspect::Options),
    /// Make new tokens of old ones, also those of Cratos FastAPI, with the MISP key that they hold
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
