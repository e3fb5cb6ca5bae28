//! `cratosd check`: every problem and every note of the configuration, and with `--online` whether each MISP answers.

mod online;

use clap::Args;
use site_config::{Loaded, Problem};

use super::auth_key::AuthKeySource;
use super::files::{self, ConfigFiles};
use super::misp::Reached;
use super::output;
use crate::exit::{Exit, Failure};

#[derive(Debug, Args)]
#[command(after_help = "\
Problems go to standard error, one line each:
  file:line:column: key: what is wrong: what to write

The configuration holds no MISP key. Without one, --online asks each MISP with a key that cannot
exist (MISP logs that), and its refusal is a sign of life; with one, the key itself is tried.")]
pub(super) struct Options {
    #[command(flatten)]
    files: ConfigFiles,

    /// Also ask each MISP whether it is there
    #[arg(long, env = "CRATOS_ONLINE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    online: bool,

    #[command(flatten)]
    reached: Reached,

    #[command(flatten)]
    auth_key: AuthKeySource,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = site_config::load(&options.files.paths()).map_err(|problems| {
        say_problems(problems.iter());
        output::remark(format!("{}\n", counted(problems.len(), "problem")));
        Failure::said(Exit::Usage)
    })?;
    say_problems(loaded.problems());
    for note in &loaded.notes {
        output::print(format!("{note}\n"))?;
    }
    let unusable = loaded.problems().count();
    output::print(summary(&loaded, unusable))?;
    files::key_ring(&loaded.core)?;
    if unusable > 0 {
        return Err(Failure::said(Exit::Usage));
    }
    if options.online {
        online::run(&loaded, options.reached, options.auth_key.read_named()?)
    } else {
        Ok(())
    }
}

fn say_problems<'a>(problems: impl Iterator<Item = &'a Problem>) {
    problems.for_each(|problem| output::remark(format!("{problem}\n")));
}

fn summary(loaded: &Loaded, problems: usize) -> String {
    let off = loaded.sites.values().filter(|site| !site.enabled).count();
    let switched_off = if off == 0 {
        String::new()
    } else {
        format!(" ({off} switched off)")
    };
    let sites = counted(loaded.sites.len() + loaded.disabled.len(), "site");
    format!(
        "{sites}{switched_off}, {}, {}\n",
        counted(problems, "problem"),
        counted(loaded.notes.len(), "note")
    )
}

fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
