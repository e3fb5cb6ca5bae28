//! `cargo xtask bench start`: how long cratosd needs from its start until it listens, and what it holds while idle,
//! beside servers with one ready answer.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Programs;
use super::directory::Directory;
use super::installation::Installation;
use super::process::Process;
use super::section::{Aim, Bound, Section, load, median, number};
use super::static_servers::{BareHyper, FEW_CONNECTIONS, Files, Nginx, PreparedNginx};

/// Starts of each server.
const ROUNDS: usize = 9;

/// How long it does nothing before its memory is read. The allocator gives unused memory back after a second.
const IDLE: Duration = Duration::from_secs(3);

/// Whether tokens of Cratos FastAPI are accepted.
const LEGACY: [(&str, &str); 2] = [("accepted", "True"), ("refused", "False")];

/// Starts each server several times; cratosd has the files that `cratosd init` writes.
pub(super) fn run(_: Option<&str>) -> anyhow::Result<Section> {
    let programs = Programs::build_with_static_servers()?;
    let misp = programs.misp(1)?;
    let mut text = format!(
        "Medians of {ROUNDS} starts, of cratosd with the files of `cratosd init`; load average {}.\n\n\
         | server | start to listening | processor time of it | resident memory when idle |\n\
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
        let start = || {
            let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
            Installation::serve(&mut command).map(|(process, _)| process)
        };
        let figures = Figures::of(start, |process| process)?;
        text += &figures.row(&format!("cratosd, legacy tokens {name}"));
        aims.extend(figures.aims(name));
    }
    text += &beside(&programs)?;
    Ok(Section { text, aims })
}

/// Returns the rows of bare hyper and, if it is installed, nginx.
fn beside(programs: &Programs) -> anyhow::Result<String> {
    let (mut files, folder) = (Files::new()?, Directory::new()?);
    files.add("small", Vec::new(), b"192.0.2.1\n")?;
    let bare = Figures::of(
        || BareHyper::start(&programs.example("bare_hyper"), &files),
        BareHyper::process,
    )?;
    let mut rows = bare.row("bare hyper");
    if let Some(nginx) = PreparedNginx::new(folder.path(), &files, None, FEW_CONNECTIONS)? {
        rows += &Figures::of(|| nginx.start(), Nginx::process)?.row("nginx");
        rows += "\nnginx listens before it starts its workers, so their processor time is not in its row. The memory of \
                 the three processes is added up, and pages that they share count for each.\n";
    }
    Ok(rows)
}

/// The medians of a server, and its memory after the first start.
struct Figures {
    milliseconds: f64,
    processor_milliseconds: f64,
    idle_megabytes: f64,
}

impl Figures {
    /// Starts a server several times. It listens when `start` returns.
    fn of<S>(start: impl Fn() -> anyhow::Result<S>, process: impl Fn(&S) -> &Process) -> anyhow::Result<Self> {
        let (mut milliseconds, mut processor_milliseconds, mut idle_megabytes) = (Vec::new(), Vec::new(), 0.0);
        for round in 0..ROUNDS {
            let began = Instant::now();
            let server = start()?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
            let process = process(&server);
            processor_milliseconds.push(process.processor_time()?.total().as_secs_f64() * 1e3);
            if round == 0 {
                std::thread::sleep(IDLE);
                idle_megabytes = process.resident_bytes_with_children()? as f64 / 1e6;
            }
        }
        Ok(Self {
            milliseconds: median(milliseconds),
            processor_milliseconds: median(processor_milliseconds),
            idle_megabytes,
        })
    }

    fn row(&self, name: &str) -> String {
        let mut row = String::new();
        let _ = writeln!(
            row,
            "| {name} | {} ms | {} ms | {} MB |",
            number(self.milliseconds),
            number(self.processor_milliseconds),
            number(self.idle_megabytes)
        );
        row
    }

    fn aims(&self, legacy: &str) -> [Aim; 2] {
        let aim = |what: &str, most, measured, unit| Aim {
            what: format!("{what}, legacy tokens {legacy}"),
            aim: Bound::AtMost(most),
            measured,
            unit,
        };
        [
            aim("start to listening", 20.0, self.milliseconds, " ms"),
            aim("idle resident memory", 15.0, self.idle_megabytes, " MB"),
        ]
    }
}
