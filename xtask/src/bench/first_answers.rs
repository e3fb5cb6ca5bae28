//! `cargo xtask bench first`: the first answer of a feed, for which MISP is asked, against the fastest reading of the
//! same JSON.

use std::fs::File;
use std::io::Write as _;

use anyhow::Context as _;

use super::connection::Connection;
use super::directory::Directory;
use super::misp::Misp;
use super::{Daemon, Programs};
use crate::cargo;

/// Rows in the largest feed, unless the command line says otherwise; the others have a tenth and a hundredth.
const ROWS: usize = 1_000_000;

/// The indicator types of the feeds, each with an attribute type of MISP.
const TYPES: [(&str, &str); 3] = [("ipv4", "ip-dst"), ("domain", "domain"), ("file-sha256", "sha256")];

/// An answer up to this size is not a page: it has one row, or none.
const SMALL_ANSWER_BYTES: u64 = 10_000;

/// Fresh daemons for each feed; the median counts.
const ROUNDS: usize = 3;

/// What a first answer takes of the daemon.
struct Cost {
    processor_seconds: f64,
    megabytes_above_body: f64,
}

/// Prints a line for each size and type.
pub(crate) fn run(rows: Option<&str>) -> anyhow::Result<()> {
    let rows = rows.map_or(Ok(ROWS), str::parse).context("not a number of rows")?;
    let programs = Programs::build()?;
    let comparison = Comparison::build()?;
    println!(
        "processor time of cratosd for a first answer, median of {ROUNDS} fresh daemons; load {}",
        load()?
    );
    for (kind, attribute_type) in TYPES {
        let mut smaller = None;
        for rows in [rows / 100, rows / 10, rows] {
            let count = rows.to_string();
            let words = ["--bulk", &count, "--type", attribute_type, "--feed", "block"];
            let mut misp = Misp::start(
                &programs.stand_in(),
                &[&words[..], &["--control", "127.0.0.1:0"]].concat(),
            )?;
            let control = misp.next_line()?;
            let mut costs = Vec::new();
            for _ in 0..ROUNDS {
                // The questions name the time: each daemon's own differ.
                Connection::open(control.trim_start_matches("http://"))?.ask("POST", "/sim/traffic", &[], "")?;
                costs.push(first_answer(&programs, &misp, kind)?);
            }
            costs.sort_by(|one, other| one.processor_seconds.total_cmp(&other.processor_seconds));
            let median = costs.get(ROUNDS / 2).context("no round")?;
            let seconds = median.processor_seconds;
            let parse = comparison.fastest(&misp, &control)?;
            let growth = smaller.map_or(String::new(), |smaller: f64| {
                format!(", × {:.1} of the tenth", seconds / smaller)
            });
            println!(
                "{rows} {kind}: {seconds:.2} s, parse {parse:.2} s, ratio {:.2}, memory {:.0} MB above the body{growth}",
                seconds / parse,
                median.megabytes_above_body,
            );
            smaller = Some(seconds);
        }
    }
    Ok(())
}

fn first_answer(programs: &Programs, misp: &Misp, kind: &str) -> anyhow::Result<Cost> {
    let mut daemon: Daemon = programs.daemon(misp, &[])?;
    let before = daemon.processor_seconds()?;
    let fetched = daemon.fetch_type(kind)?;
    Ok(Cost {
        processor_seconds: daemon.processor_seconds()? - before,
        megabytes_above_body: (daemon.peak_resident_bytes()? as f64 - fetched.bytes as f64) / 1e6,
    })
}

fn load() -> anyhow::Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The program that reads JSON with other parsers.
struct Comparison {
    program: std::path::PathBuf,
    directory: Directory,
}

impl Comparison {
    fn build() -> anyhow::Result<Self> {
        let manifest = "crates/misp-client/comparison/Cargo.toml";
        let target = cargo::target_dir()?;
        let mut command = cargo::cargo(&["build", "--release", "--manifest-path", manifest]);
        cargo::run(command.env("CARGO_TARGET_DIR", &target))?;
        Ok(Self {
            program: target.join("release/misp-client-comparison"),
            directory: Directory::new()?,
        })
    }

    /// Asks the stand-in again what the daemons asked last, and returns the seconds of the fastest parser for its
    /// answers.
    fn fastest(&self, misp: &Misp, control: &str) -> anyhow::Result<f64> {
        let file = self.directory.path().join("pages");
        self.save_pages(misp, control, &file)?;
        let printed = cargo::output_of(std::process::Command::new(&self.program).arg(&file))?;
        let seconds = printed.lines().find_map(|line| line.strip_prefix("fastest: "));
        let seconds = seconds.with_context(|| format!("no time in {printed}"))?;
        Ok(seconds.trim_end_matches(" s").parse()?)
    }

    fn save_pages(&self, misp: &Misp, control: &str, file: &std::path::Path) -> anyhow::Result<()> {
        let control = control.trim_start_matches("http://");
        let asked = Connection::open(control)?
            .ask("GET", "/sim/requests", &[], "")?
            .json()?;
        let mut searches: Vec<String> = Vec::new();
        for request in asked.as_array().context("no list of requests")? {
            let body = request["body"].to_string();
            let is_page = request["path"] == "/attributes/restSearch"
                && request["answer_bytes"].as_u64() > Some(SMALL_ANSWER_BYTES);
            if is_page && !searches.contains(&body) {
                searches.push(body);
            }
        }
        let mut pages = File::create(file)?;
        let mut connection = Connection::open(&format!("127.0.0.1:{}", misp.port))?;
        let headers = [
            ("authorization", misp.key.as_str()),
            ("content-type", "application/json"),
        ];
        for search in searches {
            let answer = connection.ask("POST", "/attributes/restSearch", &headers, &search)?;
            pages.write_all(&answer.body)?;
        }
        Ok(())
    }
}
