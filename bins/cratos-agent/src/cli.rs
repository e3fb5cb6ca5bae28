//! The command line: what can be typed, and which file answers it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use enforcement::Config;
use feed_classification::Registry;
use service_kit::Exit;

use crate::commands;
use crate::console::complain;
use crate::telemetry::{self, LogFormat};

mod defectdojo;

/// What is said below every help text.
const AFTER_HELP: &str = "\
Every option can also be given in the environment variable that stands behind it.
The log goes to standard error; RUST_LOG sets what is logged (`debug`, `warn`, …).

Exit codes: 0 fine, 1 something is not as it should be, 64 bad usage or configuration, 69 cratosd (or DefectDojo) has no answer.";

/// Where the configuration is.
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

    /// How a line of the log looks: text or json
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
    /// Ask every feed once and enforce what comes
    Apply(ApplyOptions),
    /// Enforce what was enforced last, without asking anybody: while the host starts
    Restore,
    /// Print when each target last succeeded; exits with 1 when that is too long ago, or a change is held back
    Status,
    /// Read the configuration and report every problem
    Check,
    /// Note and tag findings in DefectDojo whose CVEs are in events of MISP
    Defectdojo(defectdojo::Options),
}

/// How `apply` is meant.
#[derive(Debug, Args)]
pub(crate) struct ApplyOptions {
    /// Change nothing and print what would change
    #[arg(long, env = "CRATOS_AGENT_DRY_RUN", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) dry_run: bool,

    /// Let a change pass that is larger than the limits allow, or an empty list
    #[arg(long, env = "CRATOS_AGENT_ACCEPT_CHANGE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) accept_change: bool,

    /// How many added and removed values are printed for each target
    #[arg(
        long,
        env = "CRATOS_AGENT_DIFF_LINES",
        hide_env_values = true,
        value_name = "LINES",
        default_value_t = 20
    )]
    pub(crate) diff_lines: usize,
}

/// Returns the definition of the command line, for what is made from it: completions, manual pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what was typed, and returns how the process ends.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let printed = message.print().is_ok();
            return if message.use_stderr() {
                Exit::Usage
            } else if printed {
                Exit::Done
            } else {
                Exit::Failed
            }
            .into();
        }
    };
    let default = if matches!(cli.command, Command::Run) {
        "info"
    } else {
        "warn"
    };
    if let Err(error) = telemetry::start(cli.log_format, default) {
        complain(format_args!("error: {error}"));
        return Exit::Usage.into();
    }
    if let Command::Defectdojo(options) = cli.command {
        return defectdojo::main(cli.config, &options).into();
    }
    let path = cli.config.unwrap_or_else(|| CONFIG.into());
    let config = match Config::read(&path, &Registry::builtin()) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(complain);
            return Exit::Usage.into();
        }
    };
    match cli.command {
        Command::Run => commands::run(config),
        Command::Apply(options) => commands::apply(config, &options),
        Command::Restore => commands::restore(config),
        Command::Status => commands::status(&config),
        Command::Check => commands::check(&config),
        // Has a configuration of its own, and is done above.
        Command::Defectdojo(_) => Exit::Done,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }
}
