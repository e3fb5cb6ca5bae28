//! `cratosd check`: every problem and every note of the configuration, and with `--online` whether each MISP and the
//! shared cache answer.

mod guarded;
pub(super) mod online;
mod service_user;

use std::path::PathBuf;

use clap::Args;
use gateway::preflight;
use site_config::{Loaded, Note, Problem, Sightings};

use super::auth_key::AuthKeySource;
use super::files::{self, ConfigFiles};
use super::misp::Endpoint;
use super::output;
use http_front::AccessLog;

use crate::access_log;
use crate::exit::{Exit, Failure, chain};
use crate::tls;

#[derive(Debug, Args)]
#[command(after_help = "\
Problems go to standard error, one line each:
  file:line:column: key: problem: remedy
Notes go to standard output. While tokens of Cratos FastAPI are accepted (accept_legacy_tokens),
keys with another meaning there are listed too.

The configuration contains no MISP key. Without one, --online asks each MISP with a key that cannot
exist (MISP logs that), and its refusal shows that MISP is up; with one, it tries the key itself.")]
pub(super) struct Options {
    #[command(flatten)]
    files: ConfigFiles,

    /// Also ask each MISP and the cache for an answer
    #[arg(long, env = "CRATOS_ONLINE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    online: bool,

    #[command(flatten)]
    endpoint: Endpoint,

    #[command(flatten)]
    auth_key: AuthKeySource,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    options.files.refuse_nothing()?;
    // Read before the first line is printed: a wrong key file is a mistake in the command.
    let key = if options.online {
        options.auth_key.read_named()?
    } else {
        None
    };
    let loaded = site_config::load(&options.files.paths()).map_err(|problems| {
        say_problems(problems.iter());
        output::remark(format!("{}\n", counted(problems.len(), "problem")));
        if options.online {
            output::remark("no MISP was asked: without these files it is not known which\n");
        }
        Failure::said(Exit::Usage)
    })?;
    let is_good = of_files(options, &loaded)?;
    // A problem of one file does not concern the MISPs of the others.
    let asked = if options.online {
        online::run(&loaded, options.endpoint, key)
    } else {
        Ok(())
    };
    if is_good {
        asked
    } else {
        Err(Failure::said(Exit::Usage))
    }
}

/// Prints the problems and notes of the files, and returns whether they have no problem.
fn of_files(options: &Options, loaded: &Loaded) -> Result<bool, Failure> {
    let core_file = || options.files.paths().config;
    let tls = loaded.core.tls.as_ref();
    let tls = tls.map(|named| tls::Report::read(&core_file(), named));
    let of_tls: Vec<_> = tls.iter().flat_map(tls::Report::wrong).collect();
    let unwritable = unwritable_log(&loaded.core.access_log, core_file());
    let unusable_sightings = unusable_sightings(&loaded.core.sightings, core_file());
    let unwritable: Vec<_> = unwritable.into_iter().chain(unusable_sightings).collect();
    say_problems(loaded.problems().chain(&unwritable).chain(of_tls.iter().copied()));
    let changeable = loaded.changeable_by_others(&options.files.paths(), service_user::number());
    let notes = loaded.notes.iter().chain(tls.iter().flat_map(|tls| &tls.notes));
    let notes = notes.chain(&changeable);
    for note in notes.clone() {
        output::print(format!("{note}\n"))?;
    }
    for difference in differences(loaded) {
        output::print(format!("{difference}\n"))?;
    }
    let mut unusable = loaded.problems().count() + unwritable.len() + of_tls.len();
    match preflight::open_shared_cache(&loaded.core) {
        Ok(Some(cache)) => output::print(format!("shared cache: {}\n", cache.place()))?,
        Ok(None) => {}
        Err(error) => {
            unusable += 1;
            output::remark(format!("the shared cache cannot be used: {}\n", chain(&error)));
        }
    }
    if let Err(failure) = files::key_ring(&loaded.core) {
        unusable += 1;
        failure
            .lines()
            .iter()
            .for_each(|line| output::remark(format!("{line}\n")));
    }
    output::print(summary(loaded, unusable, notes.count()))?;
    Ok(unusable == 0)
}

/// Returns the problem of the access log, if the user who runs this cannot write it. The daemon would not start.
fn unwritable_log(log: &site_config::AccessLog, file: PathBuf) -> Option<Problem> {
    let error = AccessLog::check(log.path.as_deref()?).err()?;
    Some(access_log::problem(log, file, &error))
}

/// Returns the problem of the sightings directory, if the user who runs this cannot use it. The daemon would serve
/// without sightings.
fn unusable_sightings(sightings: &Sightings, file: PathBuf) -> Option<Problem> {
    let named = sightings.directory.as_ref()?;
    let error = preflight::check_sightings_directory(&named.path).err()?;
    let (line, column) = named.place;
    Some(Problem {
        file,
        line,
        column,
        key: "sightings.directory".to_owned(),
        what: format!("cannot be used by this user: {error}"),
        instead: "name a directory that the user who runs the daemon can write, or one that it can make".to_owned(),
    })
}

/// Returns the keys that mean something else in Cratos FastAPI, while its tokens are accepted: the migration is then
/// still under way.
fn differences(loaded: &Loaded) -> &[Note] {
    if loaded.core.accept_legacy_tokens {
        &loaded.differences
    } else {
        &[]
    }
}

fn say_problems<'a>(problems: impl Iterator<Item = &'a Problem>) {
    problems.for_each(|problem| output::remark(format!("{problem}\n")));
}

fn summary(loaded: &Loaded, problems: usize, notes: usize) -> String {
    let off = loaded.sites.values().filter(|site| !site.enabled).count();
    let switched_off = if off == 0 {
        String::new()
    } else {
        format!(" ({off} switched off)")
    };
    let sites = counted(loaded.sites.len() + loaded.disabled.len(), "site");
    let different = match differences(loaded).len() {
        0 => String::new(),
        number => format!(", {} from Cratos FastAPI", counted(number, "difference")),
    };
    format!(
        "{sites}{switched_off}, {}, {}{different}\n",
        counted(problems, "problem"),
        counted(notes, "note")
    )
}

fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
