//! The commands of the agent.

use std::future::Future;

use enforcement::state::StateDir;
use enforcement::{Agent, AgentError, Config, Moment, Order, Outcome, Standing, TargetReport, chain};
use service_kit::Exit;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::{complain, print};
use crate::options::ApplyOptions;

/// Follows all feeds until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Exit {
    block_on(async {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            complain("error: signals cannot be received");
            return Exit::Failed;
        };
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping; the enforced values stay in force");
        };
        let outcome = match Agent::open(config) {
            Ok(agent) => {
                tracing::info!("the agent follows its feeds");
                agent.run(stop).await
            }
            Err(error) => Err(error),
        };
        outcome.map_or_else(|error| failed(&error), |()| Exit::Done)
    })
}

/// Asks for every feed once.
pub(crate) fn apply(config: Config, options: &ApplyOptions) -> Exit {
    let order = Order::default()
        .accept_change(options.accept_change)
        .dry_run(options.dry_run);
    block_on(async {
        let applied = match Agent::open(config) {
            Ok(agent) => agent.apply(order).await,
            Err(error) => Err(error),
        };
        let (refused, reports) = match applied {
            Ok(applied) => applied,
            Err(error) => return failed(&error),
        };
        for (feed, error) in &refused {
            complain(format_args!("error: feed {feed}: {}", chain(error)));
        }
        let mut is_whole = true;
        for report in &reports {
            is_whole &= print_report(report, options);
        }
        match (is_whole, refused.is_empty()) {
            (false, true) => Exit::Failed,
            (_, false) => Exit::Unavailable,
            (true, true) => Exit::Done,
        }
    })
}

/// Enforces the last values again.
pub(crate) fn restore(config: Config) -> Exit {
    let restored = Agent::open(config).and_then(Agent::restore);
    let reports = match restored {
        Ok(reports) => reports,
        Err(error) => return failed(&error),
    };
    let mut exit = Exit::Done;
    for TargetReport {
        name, outcome, refused, ..
    } in reports
    {
        print(&refused.shown(&format!("{name}: ")));
        match outcome {
            Outcome::Waiting => drop(print(&format!("{name}: nothing to restore yet\n"))),
            Outcome::Failed(error) => {
                complain(format_args!("error: {name}: {}", chain(&error)));
                exit = Exit::Failed;
            }
            _ => drop(print(&format!("{name}: restored\n"))),
        }
    }
    exit
}

/// Prints the state of each target, and changes nothing.
pub(crate) fn status(config: &Config) -> Exit {
    let state = StateDir::at(&config.state_dir);
    if let Err(error) = state.readable() {
        complain(format_args!("error: {}", chain(&error)));
        return Exit::Failed;
    }
    let now = Moment::now();
    let mut exit = Exit::Done;
    for target in &config.targets {
        let progress = state.progress(&target.name).unwrap_or_default();
        let standing = Standing::new(&target.name, progress, config.max_age, &now);
        let is_printed = print(&standing.shown());
        if standing.needs_attention() || !is_printed {
            exit = Exit::Failed;
        }
    }
    exit
}

/// Checks the token file, and prints the notes; the configuration was read already.
pub(crate) fn check(config: &Config) -> Exit {
    if let Err(error) = config.token.read() {
        complain(format_args!("error: {}: {error}", config.token.path().display()));
        return Exit::Usage;
    }
    let (feeds, targets, notes) = (config.feeds.len(), config.targets.len(), config.notes.len());
    for note in &config.notes {
        print(&format!("{note}\n"));
    }
    let noted = if notes == 0 {
        String::new()
    } else {
        format!(", notes: {notes}")
    };
    print(&format!("no problem; feeds: {feeds}, targets: {targets}{noted}\n"));
    Exit::Done
}

/// Prints the result of a target; returns false if it does not enforce all values of its feeds.
fn print_report(report: &TargetReport, options: &ApplyOptions) -> bool {
    let name = &report.name;
    let (text, is_whole) = match &report.outcome {
        Outcome::Unchanged => (format!("{name}: unchanged\n"), true),
        Outcome::Changed(diff) => {
            let what = if options.dry_run { "would change" } else { "changed" };
            let (added, removed) = (diff.added.len(), diff.removed.len());
            (
                format!(
                    "{name}: {what}, values added: {added}, removed: {removed}\n{}",
                    diff.shown(options.diff_lines)
                ),
                true,
            )
        }
        Outcome::Held(objection, diff) => (
            format!("{name}: held back: {objection}\n{}", diff.shown(options.diff_lines)),
            false,
        ),
        Outcome::Waiting => (format!("{name}: no feed has answered yet\n"), false),
        Outcome::Failed(error) => (format!("{name}: not applied: {}\n", chain(error)), false),
        Outcome::NotKept(error) => (
            format!("{name}: in force, but a restart would not know: {}\n", chain(error)),
            false,
        ),
        _ => (format!("{name}: unknown outcome\n"), false),
    };
    print(&format!("{text}{}", report.refused.shown(&format!("{name}: ")))) && is_whole
}

fn failed(error: &AgentError) -> Exit {
    complain(format_args!("error: {}", chain(error)));
    match error {
        AgentError::Source(_) => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// Runs a future to its end.
pub(crate) fn block_on(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            complain(format_args!("error: the async runtime cannot be started: {error}"));
            Exit::Failed
        }
    }
}
