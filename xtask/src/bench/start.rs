//! `cargo xtask bench start`: how long cratosd needs from its start until it listens, and what it holds while idle.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Programs;
use super::installation::Installation;
use super::section::{Aim, Bound, Section, load, median, number};

/// Starts of each configuration.
const ROUNDS: usize = 9;

/// How long it does nothing before its memory is read. The allocator gives unused memory back after a second.
const IDLE: Duration = Duration::from_secs(3);

/// Whether tokens of Cratos FastAPI are accepted.
const LEGACY: [(&str, &str); 2] = [("accepted", "True"), ("refused", "False")];

/// Starts it with the files that `cratosd init` writes.
pub(super) fn run(_: Option<&str>) -> anyhow::Result<Section> {
    let programs = Programs::build()?;
    let misp = programs.misp(1)?;
    let mut text = format!(
        "Medians of {ROUNDS} starts with the files of `cratosd init`; load average {}.\n\n\
         | legacy tokens | start to listening | processor time of it | resident memory when idle |\n\
         | --- | --- | --- | --- |\n",
        load()
    );
    let mut aims = Vec::new();
    for (name, value) in LEGACY {
        let installation = Installation::new(&programs.cratosd(), &misp, &[])?;
        installation.change("config/config.yaml", |text| {
            text.replace(
                "\naccept_legacy_tokens: True",
                &format!("\naccept_legacy_tokens: {value}"),
            )
        })?;
        let starts = (0..ROUNDS).map(|round| Start::measure(&installation, round == 0));
        let starts = starts.collect::<anyhow::Result<Vec<_>>>()?;
        let of = |figure: fn(&Start) -> f64| median(starts.iter().map(figure));
        let listening = of(|start| start.milliseconds);
        let idle = median(starts.iter().filter_map(|start| start.idle_megabytes));
        let _ = writeln!(
            text,
            "| {name} | {} ms | {} ms | {} MB |",
            number(listening),
            number(of(|start| start.processor_milliseconds)),
            number(idle)
        );
        let aim = |what: &str, most, measured, unit| Aim {
            what: format!("{what}, legacy tokens {name}"),
            aim: Bound::AtMost(most),
            measured,
            unit,
        };
        aims.push(aim("start to listening", 20.0, listening, " ms"));
        aims.push(aim("idle resident memory", 15.0, idle, " MB"));
    }
    Ok(Section { text, aims })
}

struct Start {
    milliseconds: f64,
    processor_milliseconds: f64,
    idle_megabytes: Option<f64>,
}

impl Start {
    fn measure(installation: &Installation, waits_for_idle: bool) -> anyhow::Result<Self> {
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        let began = Instant::now();
        let (process, _) = Installation::serve(&mut command)?;
        let milliseconds = began.elapsed().as_secs_f64() * 1e3;
        let processor_milliseconds = process.processor_time()?.total().as_secs_f64() * 1e3;
        let idle_megabytes = if waits_for_idle {
            std::thread::sleep(IDLE);
            Some(process.resident_bytes()? as f64 / 1e6)
        } else {
            None
        };
        Ok(Self {
            milliseconds,
            processor_milliseconds,
            idle_megabytes,
        })
    }
}
