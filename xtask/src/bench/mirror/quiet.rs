//! Questions to MISP while nothing changes and all feeds are polled.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::change::is_of_rows;
use super::feeds::FEEDS;
use super::site::Site;
use super::stand_in::{Asked, StandIn};
use super::table::{Limit, Table};

/// The time that is measured instead of an hour; devices come once a minute instead of every five.
const MINUTES: u64 = 3;

/// Seconds between two looks at MISP.
const INTERVAL: u64 = 15;

pub(super) fn measure(site: &Site, misp: &StandIn, table: &mut Table) -> anyhow::Result<()> {
    // The first round makes the feeds.
    poll_all(site)?;
    let before = site.processor_seconds()?;
    misp.clear_questions()?;
    let began = Instant::now();
    for minute in 1..=MINUTES {
        poll_all(site)?;
        let next = Duration::from_secs(60 * minute);
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    let asked = misp.questions()?;
    let spent = site.processor_seconds()? - before;
    let mut by_path: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for one in &asked {
        let sum = by_path.entry(&one.path).or_default();
        *sum = (sum.0 + 1, sum.1 + one.bytes);
    }
    let looks = questions_of_looks(&asked);
    let feeds = FEEDS.len();
    table.add_with_processor_time(
        &format!("questions to MISP a look, {MINUTES} quiet minutes, {feeds} feeds polled"),
        Limit::count(4.0, "questions"),
        &looks,
        Some(spent),
    );
    // One look may lie on each end of the time.
    let most = (MINUTES * 60 / INTERVAL + 1) as f64;
    table.add(
        "looks at MISP in that time",
        Limit::count(most, "looks"),
        &[looks.len() as f64],
    );
    for (path, (questions, bytes)) in by_path {
        table.note(&format!("quiet: {questions} × {path}, {bytes} bytes"));
    }
    Ok(())
}

/// Returns the number of questions of each look that begins in this list, without those of the slow round.
fn questions_of_looks(asked: &[Asked]) -> Vec<f64> {
    let mut looks = Vec::new();
    for one in asked {
        if begins_a_look(one) {
            looks.push(0.0);
        }
        if let Some(look) = looks.last_mut().filter(|_| !is_of_slow_round(one)) {
            *look += 1.0;
        }
    }
    looks
}

/// While nothing changes, the slow round alone asks for rows, and for events by their numbers.
fn is_of_slow_round(asked: &Asked) -> bool {
    is_of_rows(asked) || (asked.path == "/events/restSearch" && asked.body.get("eventid").is_some())
}

/// Returns whether it is the question for events that changed, with which each look begins.
fn begins_a_look(asked: &Asked) -> bool {
    asked.path == "/events/restSearch" && asked.body.get("timestamp").is_some()
}

/// Asks for every feed once, as the devices do.
pub(super) fn poll_all(site: &Site) -> anyhow::Result<()> {
    let mut device = site.open()?;
    for feed in FEEDS {
        let path = feed.path("1w");
        let answer = device.ask("GET", &path, &site.headers(), "")?;
        anyhow::ensure!(answer.status == 200, "{path} answers {}", answer.status);
    }
    Ok(())
}
