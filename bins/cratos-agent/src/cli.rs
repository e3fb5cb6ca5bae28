//! The command line: its definition, and the function of each command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use service_kit::Exit;

use crate::commands;
use crate::console::complain;
use crate::options::ApplyOptions;
use crate::program::Program;
use crate::telemetry::{self, LogFormat};

mod defectdojo;

/// The text below every help text.
const AFTER_HELP: &str = "\
Each option can also be set in the environment variable behind it.
The log goes to standard error; RUST_LOG sets what is logged (`debug`, `warn`, …).

Exit codes: 0 success, 1 failure, 64 wrong usage or configuration, 69 cratosd or DefectDojo does not answer.";

/// The path of the configuration.
const CONFIG: &str = "/etc/cratos-agent/agent.yaml";

/// Applies feeds of cratosd on this host.
#[derive(Debug, Parser)]
#[command(name = "cratos-agent", version, after_help = AFTER_HELP, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The configuration [default: /etc/cratos-agent/agent.yaml, or defectdojo.yaml there]
    #[arg(
        long,
        global = true,
        env = "CRATOS_AGENT_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,

    /// Format of the log: text or json
    #[arg(
        long,
        global = true,
        env = "CRATOS_AGENT_LOG_FORMAT",
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
    /// Follow all feeds and enforce them
    Run,
    /// Ask for every feed once and enforce the answers
    Apply(ApplyOptions),
    /// Enforce the last values again without asking cratosd, for example while the host starts
    Restore,
    /// Print when each target last succeeded; exit with 1 if that is too long ago or a change is held back
    Status,
    /// Read the configuration and report every problem
    Check,
    /// Note and tag findings in DefectDojo whose CVEs are in events of MISP
    Defectdojo(defectdojo::Options),
}

/// Returns the definition of the command line, for completions and manual pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

impl Program {
    /// Runs the command line `words`, the program's name first, and returns the exit code.
    pub fn main(self, words: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        run(self, words.into_iter().map(Into::into)).into()
    }
}

/// Runs the command line `words` of a program, the program's name first.
fn run(program: Program, words: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(message) => {
            let printed = message.print().is_ok();
            return if message.use_stderr() {
                Exit::Usage
            } else if printed {
                Exit::Done
            } else {
                Exit::Failed
            };
        }
    };
    let default = if matches!(cli.command, Command::Run) {
        "info"
    } else {
        "warn"
    };
    if let Err(error) = telemetry::start(cli.log_format, default) {
        complain(format_args!("error: {error}"));
        return Exit::Usage;
    }
    if let Command::Defectdojo(options) = cli.command {
        return defectdojo::main(cli.config, &options);
    }
    let config = match program.configuration(&cli.config.unwrap_or_else(|| CONFIG.into())) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(complain);
            return Exit::Usage;
        }
    };
    match cli.command {
        Command::Run => commands::run(config),
        Command::Apply(options) => commands::apply(config, &options),
        Command::Restore => commands::restore(config),
        Command::Status => commands::status(&config),
        Command::Check => commands::check(&config),
        // It has a configuration of its own and returned above.
        Command::Defectdojo(_) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }
}
