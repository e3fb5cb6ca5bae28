//! Feeds that were never asked for before, until the first byte.

use super::feeds::FEEDS;
use super::site::Site;
use super::table::{Limit, Table, milliseconds};

/// Ages that nothing else in the bench asks for.
const AGES: [&str; 4] = ["2d", "1m", "6m", "1y"];

pub(super) fn measure(site: &Site, table: &mut Table) -> anyhow::Result<()> {
    let before = site.processor_seconds()?;
    let (mut times, mut slowest) = (Vec::new(), (std::time::Duration::ZERO, String::new()));
    for (number, feed) in FEEDS.iter().enumerate() {
        let path = feed.path(AGES.get(number % AGES.len()).copied().unwrap_or("1y"));
        let answer = site.get(&path)?;
        anyhow::ensure!(answer.status == 200, "{path} answers {}", answer.status);
        if answer.first_byte > slowest.0 {
            slowest = (answer.first_byte, format!("{path} with {} bytes", answer.body.len()));
        }
        times.push(answer.first_byte);
    }
    let spent = site.processor_seconds()? - before;
    let what = "first byte of a feed never asked before";
    table.add_with_processor_time(what, Limit::milliseconds(150.0), &milliseconds(&times), Some(spent));
    table.note(&format!(
        "slowest first byte: {:.0} ms, {}",
        slowest.0.as_secs_f64() * 1e3,
        slowest.1
    ));
    Ok(())
}
