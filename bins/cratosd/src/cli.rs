//! The command line: its commands, and the file that runs each.
//!
//! | command | file |
//! | --- | --- |
//! | `serve` | `cli/serve.rs` |
//! | `demo` | `cli/demo.rs`, `cli/demo/` |
//! | `check` | `cli/check.rs` |
//! | `token mint`, `token inspect`, `token convert` | `cli/token/mint.rs`, `cli/token/inspect.rs`, `cli/token/convert.rs` |
//! | `feed` | `cli/feed.rs` |
//! | `feed held`, `feed accept` | `cli/held_back.rs` |
//! | `explain` | `cli/explain.rs` |
//! | `mirror status`, `mirror resync`, `mirror forget` | `cli/mirror.rs` |
//! | `init` | `cli/init.rs` |
//! | `keygen` | `cli/keygen.rs` |
//!
//! Every command returns `Result<(), Failure>`. Its result goes to standard output, and everything else to standard
//! error.

mod auth_key;
mod check;
mod core_dumps;
mod demo;
mod explain;
mod feed;
mod feed_choice;
mod files;
mod held_back;
mod init;
mod keygen;
mod listener;
mod load_bars;
mod mirror;
mod misp;
mod names;
mod output;
mod progress;
mod runtime;
mod serve;
mod signals;
mod systemd;
mod token;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::Program;
use crate::exit::{Exit, Failure};
use crate::telemetry::{self, LogFormat, WhenFull};

/// The end of every help text.
const AFTER_HELP: &str = "\
Every option can also be set by the environment variable beside it.
The log goes to standard error. RUST_LOG sets its level: `debug`, or `cratosd=debug,warn`.

Exit codes: 0 success, 64 wrong usage or configuration, 69 MISP unavailable, 1 any other failure.";

/// Serves MISP indicators as feeds, behind tokens.
#[derive(Debug, Parser)]
#[command(name = "cratosd", version, after_help = AFTER_HELP, arg_required_else_help = true, max_term_width = 110)]
struct Line<C: Subcommand> {
    #[command(subcommand)]
    command: C,

    /// Format of a log line: text or json
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

type Cli = Line<Command>;

/// The command that runs for months.
#[derive(Debug, Subcommand)]
enum Daemon {
    /// Serve feeds to devices
    Serve(serve::Options),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve feeds to devices
    Serve(serve::Options),
    /// Try cratosd with a sample MISP, a site and a token in one process
    Demo(demo::Options),
    /// Read all configuration files and report every problem
    Check(check::Options),
    /// Make tokens, show their contents, and convert old ones
    #[command(subcommand)]
    Token(token::Command),
    /// Write one feed to standard output, without a server
    Feed(held_back::FeedCommand),
    /// Say why a value is in a feed or not, without a server
    Explain(explain::Options),
    /// Show the mirror of a MISP in a running daemon, or have it read MISP again
    #[command(subcommand)]
    Mirror(mirror::Command),
    /// Write a new configuration with new secrets into a directory
    Init(init::Options),
    /// Print a new encryption_key and salt
    Keygen,
}

impl Command {
    /// Returns the log level without `RUST_LOG`: a daemon logs its work, and a command in a pipe only its problems.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            // A line per request would push the guide of the demo off the screen.
            Self::Demo(_) => "info,cratosd::access=warn,cratosd::audit=warn",
            // The command ends with the errors that the engine warns of.
            Self::Feed(_) | Self::Explain(_) => "warn,feed_engine=error",
            _ => "warn",
        }
    }

    fn when_log_is_full(&self) -> WhenFull {
        match self {
            Self::Serve(_) | Self::Demo(_) => WhenFull::Lose,
            _ => WhenFull::Wait,
        }
    }

    fn run(self, program: &Program) -> Result<(), Failure> {
        match self {
            Self::Serve(options) => serve::run(program, &options),
            Self::Demo(options) => demo::run(program, &options),
            Self::Check(options) => check::run(&options),
            Self::Token(command) => token::run(&command),
            Self::Feed(command) => held_back::run(program, &command),
            Self::Explain(options) => explain::run(program, &options),
            Self::Mirror(command) => mirror::run(&command),
            Self::Init(options) => init::run(&options),
            Self::Keygen => keygen::run(),
        }
    }
}

/// Returns the definition of the command line, for example for completions and manual pages.
#[must_use]
pub fn command() -> clap::Command {
    Program::new().command()
}

/// Does what the arguments say (the first one is the program's name), and returns how the process ends.
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    Program::new().main(args)
}

impl Program {
    /// Runs the command that the arguments name (the first one is the program's name), and returns its exit code.
    pub fn main(&self, args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
        run(self, args)
    }

    /// Returns the definition of the command line, for example for completions and manual pages.
    #[must_use]
    pub fn command(&self) -> clap::Command {
        names::with_outputs(Cli::command(), &self.outputs())
    }
}

fn run(program: &Program, args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    core_dumps::forbid();
    http_front::allow_more_files();
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let cli = match daemon(&args).map_or_else(|| parsed(program, &args), Ok) {
        Ok(cli) => cli,
        Err(message) => return said(&message).into(),
    };
    let logging = telemetry::start(
        cli.log_format,
        cli.command.default_log(),
        cli.command.when_log_is_full(),
    );
    let outcome = logging.and_then(|logging| {
        let outcome = cli.command.run(program);
        // The log is written before the failure is.
        drop(logging);
        outcome
    });
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.say().into(),
    }
}

/// Reads the command line of the daemon by the definition of its command alone; returns nothing if it is another one or
/// has a fault. What the definitions of all other commands need would stay in its memory.
fn daemon(args: &[OsString]) -> Option<Cli> {
    args.get(1).filter(|name| *name == "serve")?;
    let line = Line::<Daemon>::try_parse_from(args).ok()?;
    let Daemon::Serve(options) = line.command;
    Some(Cli {
        command: Command::Serve(options),
        log_format: line.log_format,
    })
}

fn parsed(program: &Program, args: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = program.command();
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Prints a message of clap: help and version to standard output, usage errors to standard error.
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
    fn the_daemon_reads_its_line_as_all_commands_do() {
        let line = |words: &str| -> Vec<OsString> { words.split(' ').map(Into::into).collect() };
        for words in [
            "cratosd serve",
            "cratosd serve --listen 127.0.0.1:1 --log-format json",
            "cratosd serve --log-format=text --config a.yaml --sites b --listen [::1]:9",
        ] {
            let expected = parsed(&Program::new(), &line(words)).unwrap();
            assert_eq!(
                format!("{:?}", daemon(&line(words)).unwrap()),
                format!("{expected:?}"),
                "{words}"
            );
        }
        for words in [
            "cratosd",
            "cratosd keygen",
            "cratosd serve --help",
            "cratosd serve --nonsense",
            "cratosd help serve",
        ] {
            assert!(daemon(&line(words)).is_none(), "{words}");
        }
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
        // Every second part between fences is a block of code.
        let blocks = texts.iter().flat_map(|text| text.split("```").skip(1).step_by(2));
        let lines = blocks
            .filter(|block| block.starts_with("sh"))
            .flat_map(str::lines)
            .map(str::trim_start);
        let commands: Vec<_> = lines.filter(|line| line.starts_with("cratosd ")).collect();
        assert!(commands.len() > 15, "{commands:?}");
        for command in commands {
            let typed = command.split(['<', '>']).next().unwrap_or_default().trim_end();
            Cli::try_parse_from(typed.split(' ')).unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }
}
