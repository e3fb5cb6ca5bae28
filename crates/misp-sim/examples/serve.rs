//! Runs the stand-in as a program of its own, for tests of memory and for trying things out.
//!
//! `cargo run -p cratos-misp-sim --example serve -- --listen 127.0.0.1:0 --bulk 100000 --type domain --feed block`
//!
//! Prints its URL and a key, one a line, then serves until it is killed. Options: `--listen ADDRESS`, `--bulk COUNT`,
//! `--type MISP-TYPE`, `--feed NAME` (the tag of the bulk events), `--age AGE`, `--demo` (the sample data), `--events
//! DIRECTORY`, `--latency-ms N`, `--numbers` (numbers without quotes).

use std::{error::Error, time::Duration};

use misp_sim::{Bulk, DEMO_TAG, Moment, Sim};

#[expect(
    clippy::print_stdout,
    reason = "its output is for the program or person that started it"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        arguments
            .iter()
            .position(|argument| argument == name)
            .and_then(|at| arguments.get(at + 1))
    };
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);

    let mut sim = if flag("--demo") {
        misp_sim::demo()
    } else {
        Sim::builder()
    };
    if let Some(address) = option("--listen") {
        sim = sim.listen(address.parse()?);
    }
    if let Some(count) = option("--bulk") {
        let kind = option("--type").map_or("domain", String::as_str);
        let feed = option("--feed").map_or("block", String::as_str);
        let age = option("--age")
            .map_or(Some(Moment::Ago(3_600)), |age| Moment::from_age(age))
            .ok_or("age: write a number and a unit")?;
        let tag = format!("{DEMO_TAG}:incident-classification={feed}");
        sim = sim.bulk(Bulk::new(count.parse()?, kind).event_tag(&tag).age(age));
    }
    if let Some(directory) = option("--events") {
        sim = sim.events_dir(directory);
    }
    if let Some(milliseconds) = option("--latency-ms") {
        sim = sim.latency(Duration::from_millis(milliseconds.parse()?));
    }
    let running = sim.stringify(!flag("--numbers")).start_now()?;
    println!("{}\n{}", running.url(), Sim::READER_KEY);
    loop {
        std::thread::park();
    }
}
