//! The options of commands, as both the command line and the commands know them.

use clap::Args;
use clap::builder::FalseyValueParser;

/// The options of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyOptions {
    /// Change nothing, only print the changes
    #[arg(long, env = "CRATOS_AGENT_DRY_RUN", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) dry_run: bool,

    /// Let a change pass that is larger than the limits allow, or an empty list
    #[arg(long, env = "CRATOS_AGENT_ACCEPT_CHANGE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) accept_change: bool,

    /// Number of added and removed values that are printed for each target
    #[arg(
        long,
        env = "CRATOS_AGENT_DIFF_LINES",
        hide_env_values = true,
        value_name = "LINES",
        default_value_t = 20
    )]
    pub(crate) diff_lines: usize,
}
