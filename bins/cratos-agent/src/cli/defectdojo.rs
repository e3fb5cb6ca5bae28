//! `defectdojo`: one run of campaign correlation.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use defectdojo::{AskError, Config, Correlation, Mode, RunError, Step, chain};
use service_kit::Exit;

use crate::commands::block_on;
use crate::console::{complain, print};

/// The path of the configuration.
const CONFIG: &str = "/etc/cratos-agent/defectdojo.yaml";

/// The options of `defectdojo`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Change nothing, only print the changes
    #[arg(long, env = "CRATOS_AGENT_DRY_RUN", hide_env_values = true, value_parser = FalseyValueParser::new())]
    dry_run: bool,
}

/// Runs once, prints every step and a summary.
pub(super) fn main(config: Option<PathBuf>, options: &Options) -> Exit {
    let path = config.unwrap_or_else(|| CONFIG.into());
    let config = match Config::read(&path) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(complain);
            return Exit::Usage;
        }
    };
    let mode = if options.dry_run { Mode::DryRun } else { Mode::Apply };
    let mut is_printed = true;
    let mut report = |step: &Step| match step.outcome {
        Ok(_) => is_printed &= print(&format!("{step}\n")),
        Err(_) => complain(format_args!("error: {step}")),
    };
    let mut outcome = None;
    let exit = block_on(async {
        outcome = Some(match Correlation::new(&config) {
            Ok(correlation) => correlation.run(mode, &mut report).await,
            Err(error) => Err(error),
        });
        Exit::Done
    });
    match outcome {
        None => exit,
        Some(Err(error)) => failed(&error),
        Some(Ok(summary)) => {
            let is_printed = print(&summary.to_string()) && is_printed;
            if summary.is_whole() && is_printed {
                Exit::Done
            } else {
                Exit::Failed
            }
        }
    }
}

fn failed(error: &RunError) -> Exit {
    complain(format_args!("error: {}", chain(error)));
    match error {
        RunError::Config(_) | RunError::LookUpConfig(_) | RunError::Findings(AskError::Secret { .. }) => Exit::Usage,
        RunError::LookUp(error) if error.is_configuration() => Exit::Usage,
        RunError::Findings(_) | RunError::LookUp(_) => Exit::Unavailable,
        _ => Exit::Failed,
    }
}
