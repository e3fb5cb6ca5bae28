//! The first load, beside plain readers of the same pages.

use std::time::{Duration, Instant};

use super::site::Site;
use super::stand_in::StandIn;
use super::table::{Limit, Table, median};
use super::{change, replay};

/// How often it is measured; each time the daemon starts without state.
const ROUNDS: usize = 3;

/// The time that a real MISP takes at least for one answer; the stand-in alone takes a few milliseconds.
const TIME_OF_MISP: Duration = Duration::from_millis(100);

/// Leaves a daemon that follows MISP.
pub(super) fn measure(site: &mut Site, misp: &StandIn, table: &mut Table) -> anyhow::Result<()> {
    misp.answer_after(TIME_OF_MISP)?;
    let time = TIME_OF_MISP.as_millis();
    measure_rounds(site, misp, 1, &format!(", {time} ms an answer"), table)?;
    misp.answer_after(Duration::ZERO)?;
    measure_rounds(site, misp, ROUNDS, "", table)
}

fn measure_rounds(site: &mut Site, misp: &StandIn, rounds: usize, how: &str, table: &mut Table) -> anyhow::Result<()> {
    let (mut ratios, mut seconds, mut processor, mut bare) = (Vec::new(), Vec::new(), 0.0, Vec::new());
    for _ in 0..rounds {
        site.kill();
        site.forget()?;
        misp.clear_questions()?;
        site.start()?;
        let began = Instant::now();
        // A small feed, whose first answer of MISP begins the mirror.
        site.get(change::SMALL_FEED)?;
        let took = (site.wait_until_followed()? - began).as_secs_f64();
        let questions = misp.questions()?;
        processor += site.processor_seconds()?;
        let read = replay::seconds(misp, &questions)?;
        let (count, reader) = (questions.len(), replay::READER);
        eprintln!("first load{how}: {took:.1} s with {count} questions; {reader} in {read:.1} s");
        ratios.push(took / read);
        seconds.push(took);
        bare.push(read);
    }
    let what = format!("first load, against {} of the same pages{how}", replay::READER);
    table.add_with_processor_time(&what, Limit::times(1.5), &ratios, Some(processor));
    let (took, read) = (median(&seconds), median(&bare));
    table.note(&format!(
        "first load{how}: {took:.1} s; {}: {read:.1} s",
        replay::READER
    ));
    Ok(())
}
