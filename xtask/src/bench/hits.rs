//! `cargo xtask bench hits`: answers out of memory beside the same answers of bare hyper and of nginx.
//!
//! The servers run at the same time and are asked in turn, several rounds. The figure is the processor time of the
//! server's process; a ratio is the median of the ratios of the rounds.

mod answers;
mod cases;
mod cratosd;
mod neighbour;
mod results;
mod server;

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::directory::Directory;
use super::load::Load;
use super::misp::Misp;
use super::processor_time::ProcessorTime;
use super::programs::Programs;
use super::section::{Section, load};
use super::static_servers::{BareHyper, Certificate, FEW_CONNECTIONS, Nginx};
use answers::Answers;
use cases::{CASES, Case, SIZES};
use cratosd::{Cratosd, Kind};
use neighbour::Neighbour;
use results::{Results, Sample};
use server::Server;

/// How often the servers are asked in turn.
const ROUNDS: usize = 11;

/// The most processor time of a server at rest in two seconds, and how long the bench waits for that.
const REST: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures the cases whose names contain the word, or all of them.
pub(crate) fn run(part: Option<&str>) -> anyhow::Result<Section> {
    let load_at_start = load();
    let programs = Programs::build_with_static_servers()?;
    let misps = SIZES
        .iter()
        .map(|values| programs.misp(*values))
        .collect::<anyhow::Result<Vec<Misp>>>()?;
    let folder = Directory::new()?;
    let certificate = Certificate::make(folder.path())?;
    let cratosd = programs.cratosd();
    let mut daemons = vec![
        Cratosd::start(&cratosd, &misps, Kind::Logged)?,
        Cratosd::start(&cratosd, &misps, Kind::WithoutLogs)?,
    ];
    let answers = Answers::collect(daemons.first().context("no daemon")?)?;
    if let Some(certificate) = &certificate {
        daemons.push(Cratosd::start(&cratosd, &misps, Kind::Tls(certificate))?);
    }
    let bare = BareHyper::start(&programs.example("bare_hyper"), answers.files())?;
    let nginx = Nginx::start(folder.path(), answers.files(), certificate.as_ref(), FEW_CONNECTIONS)?;
    let neighbours = Neighbour::of(&bare, nginx.as_ref(), &answers);
    let mut servers: Vec<&dyn Server> = daemons.iter().map(|daemon| daemon as &dyn Server).collect();
    servers.extend(neighbours.iter().map(|server| server as &dyn Server));
    let load_of = Load::new(programs.example("load"));
    let mut results = Results::new(load_at_start, answers.number_of_headers()?);
    for server in &servers {
        until_at_rest(*server)?;
    }
    for case in CASES
        .iter()
        .filter(|case| part.is_none_or(|part| case.name.contains(part)))
    {
        for _ in 0..ROUNDS {
            for server in servers.iter().filter(|server| server.is_tls() == case.is_tls) {
                let sample = measured(&load_of, *server, case)
                    .with_context(|| format!("{}: {}", case.name, server.column().name()))?;
                results.add(case, server.column(), sample);
            }
        }
        eprintln!("{}; load {}", results.last_row().trim(), load());
    }
    Ok(results.section())
}

/// Waits until a server does nothing: a daemon that has just started loads a copy of each MISP, and that would count as
/// the cost of its answers.
fn until_at_rest(server: &dyn Server) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let before = ProcessorTime::of(server.process())?;
        std::thread::sleep(Duration::from_secs(2));
        if ProcessorTime::of(server.process())?.since(&before) < REST {
            return Ok(());
        }
    }
    anyhow::bail!("{} is not at rest after {PATIENCE:?}", server.column().name())
}

fn measured(load: &Load, server: &dyn Server, case: &Case) -> anyhow::Result<Sample> {
    let request = server.request(case)?;
    let before = ProcessorTime::of(server.process())?;
    let seen = load.run(server.address(), &request, server.certificate())?;
    let spent = ProcessorTime::of(server.process())?.since(&before);
    let status = if case.is_conditional { 304.0 } else { 200.0 };
    anyhow::ensure!((seen.status - status).abs() < 0.5, "status {}", seen.status);
    Ok(Sample {
        microseconds: spent.as_secs_f64() * 1e6 / seen.requests,
        per_second: seen.requests / seen.seconds,
        p99_milliseconds: seen.p99_milliseconds,
    })
}
