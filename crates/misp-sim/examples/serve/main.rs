//! Runs the stand-in as a program of its own, for tests of memory and for trying things out.
//!
//! `cargo run -p cratos-misp-sim --example serve -- --listen 127.0.0.1:0 --bulk 100000 --type domain --feed block`
//!
//! Prints its URL and a key, one a line, then serves until it is killed. Options: `--listen ADDRESS`, `--bulk COUNT`,
//! `--type MISP-TYPE`, `--feed NAME` (the tag of the bulk events), `--age AGE`, `--demo` (the sample data), `--events
//! DIRECTORY`, `--latency-ms N`, `--numbers` (numbers without quotes).
//!
//! A whole site: `--attributes COUNT --events COUNT` (20 000 events where only the attributes are said), and
//! `--warninglists` for three lists that some of its values are on.
//!
//! `--control ADDRESS` prints the URL of a second port as a third line; there
//!
//! - `POST /sim/edit` takes an [`Edit`](misp_sim::Edit) as JSON, or a list of them;
//! - `POST /sim/random` takes `{"seed": 7, "count": 10}`, draws edits, carries them out and answers with them;
//! - `POST /sim/fault` takes `{"fault": {"status": 500}, "path": "/events/index", "after": 1, "times": 2}` or `{}`;
//! - `POST /sim/clock` takes `{"advance": 60}`;
//! - `GET /sim/traffic` counts requests and bytes, `POST /sim/traffic` starts again;
//! - `GET /sim/requests` lists the last 10 000 requests with their bodies and the sizes of their answers.
//!
//! `--journal FILE` writes every edit down, and carries them out again at the next start, with the times that they had.

mod control;
mod journal;

use std::{error::Error, net::TcpListener, time::Duration};

use misp_sim::{Bulk, BulkSite, Clock, DEMO_TAG, Moment, Sim, SimBuilder, Warninglist, WarninglistKind};

use crate::{control::Control, journal::Journal};

type Failed = Box<dyn Error>;

/// The arguments of the program.
struct Arguments(Vec<String>);

impl Arguments {
    fn option(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument == name)
    }
}

#[expect(
    clippy::print_stdout,
    reason = "its output is for the program or person that started it"
)]
fn main() -> Result<(), Failed> {
    let arguments = Arguments(std::env::args().skip(1).collect());
    let clock = Clock::default();
    let journal = arguments
        .option("--journal")
        .map(|path| Journal::open(path, &clock))
        .transpose()?;
    let mut sim = if arguments.flag("--demo") {
        misp_sim::demo()
    } else {
        Sim::builder()
    }
    .clock(clock.clone());
    if let Some(address) = arguments.option("--listen") {
        sim = sim.listen(address.parse()?);
    }
    sim = with_data(sim, &arguments)?;
    if let Some(milliseconds) = arguments.option("--latency-ms") {
        sim = sim.latency(Duration::from_millis(milliseconds.parse()?));
    }
    if let Some(journal) = &journal {
        sim = journal.replayed(sim, clock);
    }
    let running = sim.stringify(!arguments.flag("--numbers")).start_now()?;
    println!("{}\n{}", running.url(), Sim::READER_KEY);
    if let Some(address) = arguments.option("--control") {
        let listener = TcpListener::bind(address)?;
        println!("http://{}", listener.local_addr()?);
        Control::new(running, journal).serve(&listener);
    }
    loop {
        std::thread::park();
    }
}

/// Adds what the arguments ask for.
fn with_data(mut sim: SimBuilder, arguments: &Arguments) -> Result<SimBuilder, Failed> {
    if let Some(count) = arguments.option("--bulk") {
        let kind = arguments.option("--type").unwrap_or("domain");
        let feed = arguments.option("--feed").unwrap_or("block");
        let age = arguments
            .option("--age")
            .map_or(Some(Moment::Ago(3_600)), Moment::from_age)
            .ok_or("age: write a number and a unit")?;
        let tag = format!("{DEMO_TAG}:incident-classification={feed}");
        sim = sim.bulk(Bulk::new(count.parse()?, kind).event_tag(&tag).age(age));
    }
    if let Some(attributes) = arguments.option("--attributes") {
        let events = arguments.option("--events").unwrap_or("20000");
        sim = sim.bulk_site(BulkSite::new(events.parse()?, attributes.parse()?));
    } else if let Some(directory) = arguments.option("--events") {
        sim = sim.events_dir(directory);
    }
    if arguments.flag("--warninglists") {
        sim = with_lists(sim);
    }
    Ok(sim)
}

/// Adds lists that some values of a generated site are on.
fn with_lists(sim: SimBuilder) -> SimBuilder {
    let list = |name: &str, kind, types: &[&str], entries: &[&str]| Warninglist::new(name, kind, types, entries);
    sim.warninglist(list(
        "generated networks",
        WarninglistKind::Cidr,
        &["ip-dst", "ip-src"],
        &["11.0.7.0/24"],
    ))
    .warninglist(list(
        "generated hosts",
        WarninglistKind::Hostname,
        &["domain", "url"],
        &["bulk7.example.com"],
    ))
    .warninglist(list(
        "generated forms",
        WarninglistKind::Regex,
        &["domain"],
        &["/^bulk[0-9]{2}\\.example/"],
    ))
}
