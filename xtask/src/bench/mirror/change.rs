//! A published change in one event, until its bytes are with a device.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::publisher::Publisher;
use super::site::Site;
use super::stand_in::{Asked, Attribute, StandIn};
use super::table::{Limit, Table};

/// A feed of few values, for requests that only have to reach MISP.
pub(super) const SMALL_FEED: &str = "/v1/feed/block/type/chrome-extension-id/age/1h/output/txt";

/// The feed in which changes are awaited.
const FEED: &str = "/v1/feed/block/type/domain/age/1y/output/txt";

const CHANGES: usize = 9;

/// Between two questions of the device.
const PAUSE: Duration = Duration::from_millis(10);

const PATIENCE: Duration = Duration::from_secs(60);

/// The time without a question after which the look at MISP counts as complete.
const SETTLED: Duration = Duration::from_millis(700);

/// Measures with looks at MISP once a second; the changes come at any moment between two looks.
pub(super) fn measure_by_poll(site: &Site, misp: &StandIn, table: &mut Table) -> anyhow::Result<()> {
    let domains = misp.domains(CHANGES)?;
    let before = site.processor_seconds()?;
    let mut times = Vec::new();
    for (number, domain) in domains.iter().enumerate() {
        // Spread over the second of the interval.
        std::thread::sleep(Duration::from_millis(1_000 + 1_000 * number as u64 / CHANGES as u64));
        times.push(change(
            site,
            misp,
            domain,
            &format!("poll{number}.bench.example.com"),
            || {},
        )?);
    }
    let spent = site.processor_seconds()? - before;
    let what = "a published change to new bytes on the wire, looks once a second";
    table.add_with_processor_time(what, Limit::seconds(1.5), &times, Some(spent));
    Ok(())
}

/// Measures with looks every 15 seconds and a message of MISP's publisher, and counts what MISP is asked for it.
pub(super) fn measure_by_hint(
    site: &Site,
    misp: &StandIn,
    publisher: &Publisher,
    table: &mut Table,
) -> anyhow::Result<()> {
    publisher.wait_for_subscriber()?;
    let domains = misp.domains(CHANGES)?;
    let (mut times, mut questions, mut kibibytes) = (Vec::new(), Vec::new(), Vec::new());
    let before = site.processor_seconds()?;
    for (number, domain) in domains.iter().enumerate() {
        wait_for_a_look(misp)?;
        misp.clear_questions()?;
        let message = format!(
            "misp_json {{\"Event\":{{\"id\":\"{}\",\"published\":false,\"Attribute\":[{{\"id\":\"{}\",\"type\":\"domain\"}}]}}}}",
            domain.event, domain.id
        );
        let publish = || {
            publisher.publish(&message);
        };
        times.push(change(
            site,
            misp,
            domain,
            &format!("hint{number}.bench.example.com"),
            publish,
        )?);
        std::thread::sleep(SETTLED);
        let asked = misp.questions()?;
        let rows: u64 = asked
            .iter()
            .filter(|asked| is_of_rows(asked))
            .map(|asked| asked.bytes)
            .sum();
        let all: u64 = asked.iter().map(|asked| asked.bytes).sum();
        questions.push(asked.len() as f64);
        kibibytes.push((all - rows) as f64 / 1024.0);
    }
    let spent = site.processor_seconds()? - before;
    let what = "a published change to new bytes on the wire, by hint";
    table.add_with_processor_time(what, Limit::seconds(0.5), &times, Some(spent));
    table.add(
        "questions to MISP for that change",
        Limit::count(6.0, "questions"),
        &questions,
    );
    table.add(
        "answers of MISP, without the rows of the event",
        Limit::count(64.0, "KiB"),
        &kibibytes,
    );
    Ok(())
}

pub(super) fn is_of_rows(asked: &Asked) -> bool {
    asked.path == "/attributes/restSearch"
}

/// Changes and publishes; returns the seconds from the order to publish until a device has the new bytes.
fn change(site: &Site, misp: &StandIn, domain: &Attribute, value: &str, publish: impl FnOnce()) -> anyhow::Result<f64> {
    let mut device = site.open()?;
    let [token] = site.headers();
    let first = device.ask("GET", FEED, &[token], "")?;
    if first.status != 200 || !has_line(&first.body, &domain.value) {
        bail!("{FEED} answers {} without {}", first.status, domain.value);
    }
    let mut tag = first.header("etag").unwrap_or_default().to_owned();
    let began = Instant::now();
    misp.change_and_publish(domain, value)?;
    publish();
    while began.elapsed() < PATIENCE {
        let answer = device.ask("GET", FEED, &[token, ("if-none-match", &tag)], "")?;
        match answer.status {
            304 => {}
            200 if has_line(&answer.body, value) => return Ok(began.elapsed().as_secs_f64()),
            200 => tag = answer.header("etag").unwrap_or_default().to_owned(),
            status => bail!("{FEED} answers {status} after a change"),
        }
        std::thread::sleep(PAUSE);
    }
    bail!("{value} is not in {FEED} a minute after it was published")
}

/// Waits for the end of a look that the interval brings, so that none falls into the next measurement.
fn wait_for_a_look(misp: &StandIn) -> anyhow::Result<()> {
    misp.clear_questions()?;
    let began = Instant::now();
    let mut before = 0;
    loop {
        let asked = misp.questions()?.len();
        if asked > 0 && asked == before {
            return Ok(());
        }
        before = asked;
        if began.elapsed() > PATIENCE {
            bail!("MISP is asked nothing within a minute");
        }
        std::thread::sleep(SETTLED);
    }
}

fn has_line(body: &[u8], value: &str) -> bool {
    body.split(|byte| *byte == b'\n')
        .any(|line| line.trim_ascii() == value.as_bytes())
}
