//! `cargo xtask bench first`: the first answer of a feed, for which MISP is asked, against the fastest reading of the
//! same JSON.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::comparison::Comparison;
use super::connection::Connection;
use super::misp::Misp;
use super::section::{Aim, Bound, Section, load, median, number};
use super::{Daemon, Programs};

/// Rows in the largest feed, unless the command line says otherwise; the others have a tenth and a hundredth.
const ROWS: usize = 1_000_000;

/// The indicator types of the feeds, each with an attribute type of MISP.
const TYPES: [(&str, &str); 3] = [("ipv4", "ip-dst"), ("domain", "domain"), ("file-sha256", "sha256")];

/// Fresh daemons for each feed; the median counts.
const ROUNDS: usize = 3;

/// What a first answer takes of the daemon.
struct Cost {
    processor_seconds: f64,
    wall_seconds: f64,
    megabytes_above_body: f64,
    /// Until the first byte of the same feed in another output.
    other_output_milliseconds: f64,
}

/// Measures each size of each type.
pub(super) fn run(rows: Option<&str>) -> anyhow::Result<Section> {
    let rows = rows.map_or(Ok(ROWS), str::parse).context("not a number of rows")?;
    let programs = Programs::build()?;
    let comparison = Comparison::build()?;
    let mut text = format!(
        "Medians of {ROUNDS} fresh daemons for each feed; load average {} at the start.\n\n\
         | feed | processor time | fastest parser | ÷ fastest parser | × of the tenth | wall time | memory above the body | \
         first byte in another output |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        load()
    );
    let mut aims = Vec::new();
    for (kind, attribute_type) in TYPES {
        let mut tenth = None;
        for rows in [rows / 100, rows / 10, rows] {
            let feed = Feed::measure(&programs, &comparison, (kind, attribute_type), rows)?;
            let row = feed.row(tenth);
            eprint!("{row}");
            text += &row;
            aims.extend(
                feed.growth(tenth)
                    .map(|growth| aim(&feed.name(), " ÷ a tenth of it", 10.5, growth, "")),
            );
            tenth = Some(feed.cost.processor_seconds);
            if rows >= ROWS {
                aims.extend(feed.aims());
            }
        }
    }
    let _ = writeln!(text, "\nLoad average {} at the end.", load());
    Ok(Section { text, aims })
}

fn aim(name: &str, what: &str, most: f64, measured: f64, unit: &'static str) -> Aim {
    Aim {
        what: format!("first answer, {name}{what}"),
        aim: Bound::AtMost(most),
        measured,
        unit,
    }
}

/// The medians of a feed.
struct Feed {
    kind: &'static str,
    rows: usize,
    cost: Cost,
    parse_seconds: f64,
}

impl Feed {
    fn measure(
        programs: &Programs,
        comparison: &Comparison,
        (kind, attribute_type): (&'static str, &str),
        rows: usize,
    ) -> anyhow::Result<Self> {
        let count = rows.to_string();
        let words = ["--bulk", &count, "--type", attribute_type, "--feed", "block"];
        let words = [&words[..], &["--control", "127.0.0.1:0"]].concat();
        let mut misp = Misp::start(&programs.stand_in(), &words)?;
        let control = misp.next_line()?;
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            // The questions name the time: each daemon's own differ.
            Connection::open(control.trim_start_matches("http://"))?.ask("POST", "/sim/traffic", &[], "")?;
            costs.push(Cost::of_first_answer(programs, &misp, kind)?);
        }
        Ok(Self {
            kind,
            rows,
            cost: Cost::median(&costs),
            parse_seconds: comparison.fastest(&misp, &control)?,
        })
    }

    fn name(&self) -> String {
        format!("{} {}", self.rows, self.kind)
    }

    fn against_parser(&self) -> f64 {
        self.cost.processor_seconds / self.parse_seconds
    }

    fn growth(&self, tenth: Option<f64>) -> Option<f64> {
        tenth.map(|tenth| self.cost.processor_seconds / tenth)
    }

    fn row(&self, tenth: Option<f64>) -> String {
        let cost = &self.cost;
        format!(
            "| {} | {:.3} s | {:.3} s | {} | {} | {:.2} s | {:.0} MB | {:.1} ms |\n",
            self.name(),
            cost.processor_seconds,
            self.parse_seconds,
            number(self.against_parser()),
            self.growth(tenth).map(number).unwrap_or_default(),
            cost.wall_seconds,
            cost.megabytes_above_body,
            cost.other_output_milliseconds,
        )
    }

    fn aims(&self) -> [Aim; 3] {
        let (name, cost) = (self.name(), &self.cost);
        [
            aim(&name, " ÷ fastest parser", 1.8, self.against_parser(), ""),
            aim(
                &name,
                ", memory above the body",
                150.0,
                cost.megabytes_above_body,
                " MB",
            ),
            aim(
                &name,
                ", first byte in another output",
                20.0,
                cost.other_output_milliseconds,
                " ms",
            ),
        ]
    }
}

impl Cost {
    /// Asks a fresh daemon.
    fn of_first_answer(programs: &Programs, misp: &Misp, kind: &str) -> anyhow::Result<Self> {
        let mut daemon: Daemon = programs.daemon(misp, &[])?;
        let before = daemon.processor_time()?;
        let fetched = daemon.fetch_type(kind)?;
        let spent = daemon.processor_time()?.since(&before);
        let peak = daemon.peak_resident_bytes()?;
        let other = format!("/v1/feed/block/type/{kind}/age/1w/output/json");
        let other = Connection::open(&daemon.address)?.ask("GET", &other, &[("token", &daemon.token)], "")?;
        anyhow::ensure!(other.status == 200, "another output: {}", other.status);
        Ok(Self {
            processor_seconds: spent.as_secs_f64(),
            wall_seconds: fetched.took.as_secs_f64(),
            megabytes_above_body: (peak as f64 - fetched.bytes as f64) / 1e6,
            other_output_milliseconds: other.first_byte.as_secs_f64() * 1e3,
        })
    }

    fn median(costs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(costs.iter().map(figure));
        Self {
            processor_seconds: of(|cost| cost.processor_seconds),
            wall_seconds: of(|cost| cost.wall_seconds),
            megabytes_above_body: of(|cost| cost.megabytes_above_body),
            other_output_milliseconds: of(|cost| cost.other_output_milliseconds),
        }
    }
}
