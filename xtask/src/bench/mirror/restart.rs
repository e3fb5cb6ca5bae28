//! A restart after a kill, with MISP away, until every feed is answered from disk.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::feeds::FEEDS;
use super::site::Site;
use super::stand_in::StandIn;
use super::table::{Limit, Table};

const ROUNDS: usize = 3;

/// Devices that come at once.
const DEVICES: usize = 4;

/// Between two questions of a device that gets 503.
const PAUSE: Duration = Duration::from_millis(20);

const PATIENCE: Duration = Duration::from_secs(60);

/// Kills MISP and, in each round, the daemon.
pub(super) fn measure(site: &mut Site, misp: StandIn, table: &mut Table) -> anyhow::Result<()> {
    let whole = answers(site)?;
    drop(misp);
    let (mut times, mut firsts, mut processor) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..ROUNDS {
        site.kill();
        let began = Instant::now();
        site.start()?;
        let (first, answered) = answers_from(site, began)?;
        times.push(began.elapsed().as_secs_f64());
        firsts.push(first);
        processor += site.processor_seconds()?;
        if answered != whole {
            let differ = answered.iter().zip(&whole).filter(|(a, b)| a != b).count();
            bail!("{differ} of {} feeds differ after a restart", whole.len());
        }
    }
    let what = format!(
        "restart after a kill, MISP away, until all {} feeds were answered",
        FEEDS.len()
    );
    table.add_with_processor_time(&what, Limit::seconds(3.0), &times, Some(processor));
    table.add(
        "restart, until the first feed was answered",
        Limit::seconds(3.0),
        &firsts,
    );
    Ok(())
}

/// Returns the length of each feed.
fn answers(site: &Site) -> anyhow::Result<Vec<usize>> {
    Ok(answers_from(site, Instant::now())?.1)
}

/// Returns the seconds until the first feed was answered, and the length of each feed.
fn answers_from(site: &Site, began: Instant) -> anyhow::Result<(f64, Vec<usize>)> {
    std::thread::scope(|scope| {
        let devices: Vec<_> = FEEDS
            .chunks(FEEDS.len().div_ceil(DEVICES))
            .map(|feeds| {
                scope.spawn(move || {
                    let (mut first, mut lengths) = (f64::MAX, Vec::new());
                    let mut device = site.open()?;
                    for feed in feeds {
                        let path = feed.path("1w");
                        loop {
                            let answer = device.ask("GET", &path, &site.headers(), "")?;
                            if answer.status == 200 {
                                lengths.push(answer.body.len());
                                break;
                            }
                            if answer.status != 503 || began.elapsed() > PATIENCE {
                                bail!("{path} answers {} after a restart", answer.status);
                            }
                            std::thread::sleep(PAUSE);
                        }
                        first = first.min(began.elapsed().as_secs_f64());
                    }
                    Ok((first, lengths))
                })
            })
            .collect();
        let (mut first, mut lengths) = (f64::MAX, Vec::new());
        for device in devices {
            let Ok(answered) = device.join() else {
                bail!("a device panicked")
            };
            let (its_first, its_lengths) = answered?;
            first = first.min(its_first);
            lengths.extend(its_lengths);
        }
        Ok((first, lengths))
    })
}
