//! The command line: what can be typed, and which file answers it.
//!
//! | command | answered in |
//! | --- | --- |
//! | `serve` | `cli/serve.rs` |
//! | `demo` | `cli/demo.rs`, `cli/demo/` |
//! | `check` | `cli/check.rs` |
//! | `token mint`, `token inspect`, `token convert` | `cli/token/mint.rs`, `cli/token/inspect.rs`, `cli/token/convert.rs` |
//! | `feed` | `cli/feed.rs` |
//! | `init` | `cli/init.rs` |
//! | `keygen` | `cli/keygen.rs` |
//!
//! Every command returns `Result<(), Failure>`: what it was asked for goes to standard output, everything else to standard error.

mod auth_key;
mod check;
mod core_dumps;
mod demo;
mod drop_list;
mod feed;
mod files;
mod init;
mod keygen;
mod listener;
mod misp;
mod names;
mod open_files;
mod output;
mod progress;
mod runtime;
mod serve;
mod signals;
mod systemd;
mod token;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::{Exit, Failure};
use crate::telemetry::{self, LogFormat, WhenFull};

/// What is said below every help text.
const AFTER_HELP: &str = "\
Every option can also be given in the environment variable that stands behind it.
The log goes to standard error; RUST_LOG sets what is logged (`debug`, or `cratosd=debug,warn`).

Exit codes: 0 fine, 64 bad usage or configuration, 69 MISP unavailable, 1 anything else.";

/// Serves MISP indicators as feeds, behind tokens.
#[derive(Debug, Parser)]
#[command(name = "cratosd", version, after_help = AFTER_HELP, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How a line of the log looks: text or json
    #[arg(
        long,
        global = true,
        display_order = 900,
        env = "CRATOS_LOG_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve feeds to devices
    Serve(serve::Options),
    /// Try everything out: a sample MISP, a site and a token in one process
    Demo(demo::Options),
    /// Read all configuration files and report every problem
    Check(check::Options),
    /// Make tokens, and look into them
    #[command(subcommand)]
    Token(token::Command),
    /// Write one feed to standard output, without a server
    Feed(feed::Options),
    /// Write a new configuration with fresh secrets into a directory
    Init(init::Options),
    /// Print a fresh encryption_key and salt
    Keygen,
}

impl Command {
    /// What is logged without `RUST_LOG`: a daemon tells what it does, a command in a pipe only what is wrong.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            // A line per request would push what the demo prints off the screen.
            Self::Demo(_) => "info,cratosd::access=warn,cratosd::audit=warn",
            // What the engine warns about is what this command ends with.
            Self::Feed(_) => "warn,feed_engine=error",
            _ => "warn",
        }
    }

    fn when_log_is_full(&self) -> WhenFull {
        match self {
            Self::Serve(_) | Self::Demo(_) => WhenFull::Lose,
            _ => WhenFull::Wait,
        }
    }

    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(options) => serve::run(&options),
            Self::Demo(options) => demo::run(&options),
            Self::Check(options) => check::run(&options),
            Self::Token(command) => token::run(&command),
            Self::Feed(options) => feed::run(&options),
            Self::Init(options) => init::run(&options),
            Self::Keygen => keygen::run(),
        }
    }
}

/// Returns the definition of the command line, for what is made from it: completions, manual pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what the arguments (the program's name first) say, and returns how the process ends.
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    core_dumps::forbid();
    open_files::allow_more();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => return said(&message).into(),
    };
    let logging = telemetry::start(
        cli.log_format,
        cli.command.default_log(),
        cli.command.when_log_is_full(),
    );
    let outcome = logging.and_then(|logging| {
        let outcome = cli.command.run();
        // What it has to say stands before what is said of it.
        drop(logging);
        outcome
    });
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.say().into(),
    }
}

/// Prints what clap has to say: help and version to standard output, usage errors to standard error.
fn said(message: &clap::Error) -> Exit {
    match (message.print(), message.use_stderr()) {
        (_, true) => Exit::Usage,
        (Ok(()), false) => Exit::Done,
        (Err(error), false) => Failure::from(error).say(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable_named_after_it() {
        fn walk(command: &clap::Command) {
            for arg in command
                .get_arguments()
                .filter(|arg| arg.get_long().is_some_and(|long| long != "help" && long != "version"))
            {
                let long = arg.get_long().unwrap();
                let expected = format!("CRATOS_{}", long.replace('-', "_").to_uppercase());
                assert_eq!(
                    arg.get_env().and_then(|name| name.to_str()),
                    Some(expected.as_str()),
                    "{} --{long}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }

    #[test]
    fn commands_that_service_managers_start_can_be_typed() {
        let unit = include_str!("../../../packaging/systemd/cratosd.service");
        let program = include_str!("../../../packaging/supervisor/cratosd.conf");
        for (text, key) in [(unit, "ExecStart="), (program, "command=")] {
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words.first(), Some(&"/usr/bin/cratosd"));
            Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn commands_in_the_documentation_can_be_typed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let pages = std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().path());
        let texts: Vec<String> = pages
            .filter(|page| page.extension().is_some_and(|ending| ending == "md"))
            .map(|page| std::fs::read_to_string(page).unwrap())
            .collect();
        let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim_start);
        let commands: Vec<_> = lines.filter(|line| line.starts_with("cratosd ")).collect();
        assert!(commands.len() > 15, "{commands:?}");
        for command in commands {
            let typed = command.split(['<', '>']).next().unwrap_or_default().trim_end();
            Cli::try_parse_from(typed.split(' ')).unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }
}
