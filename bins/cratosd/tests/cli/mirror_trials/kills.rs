//! Daemon and MISP end at random moments, of a first load and of following.

use std::fs;
use std::time::{Duration, Instant};

use misp_sim::{Fault, FaultRule};

use super::analyst::Analyst;
use super::draws::Draws;
use super::stage::{Served, Stage};

/// Moments in the usual run. `CRATOS_KILLS=200` in the environment makes it so many.
const KILLS: usize = 16;

/// Events at the start: a first load of them takes some twenty pairs of questions.
const EVENTS: usize = 40;

/// After this time a moment is over even if MISP was not asked often enough.
const LONGEST_MOMENT: Duration = Duration::from_millis(1_500);

/// Which process ends at a moment.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Daemon,
    Misp,
    Both,
}

#[test]
fn no_feed_is_wrong_short_or_empty_when_daemon_or_misp_is_killed_at_any_moment() {
    let kills = std::env::var("CRATOS_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let stage = Stage::new();
    let mut draws = Draws::new(11);
    let mut analyst = Analyst::begin(12, &stage.sim, EVENTS);
    let mut answered = 0;
    for round in 0..kills {
        // Else a first load would be killed in the first rounds only.
        if draws.once_in(4) {
            let _ = fs::remove_dir_all(stage.state().join("mirrors"));
        }
        let served = stage.serve();
        let victim = [Victim::Daemon, Victim::Misp, Victim::Both][draws.below(3)];
        let bound = if draws.once_in(3) { 60 } else { 10 };
        let questions = draws.below(bound);
        println!("{round}: {victim:?} after {questions} questions");
        arm(&stage, &served, victim, questions, &mut draws);
        answered += through_the_moment(&stage, &served, &mut analyst, &mut draws);
        stage.sim.on_request(|_, _| ());
        if draws.once_in(2) {
            stage.sim.clear_fault();
            answered += served.assert_right(&analyst);
        }
        served.kill();
        stage.sim.clear_fault();
    }
    assert!(answered >= kills, "{answered} answers");
    let served = stage.serve();
    served.wait_until_mirrored(&analyst);
    served.wait_until_current(&analyst);
    assert_eq!(served.site()["missing_events"], 0);
}

/// Has the victim end once MISP was asked so many more questions.
fn arm(stage: &Stage, served: &Served, victim: Victim, questions: usize, draws: &mut Draws) {
    if !matches!(victim, Victim::Daemon) {
        stage.sim.set_fault(end_of_misp(draws).after(questions));
    }
    if !matches!(victim, Victim::Misp) {
        stage.kill_after(served, questions);
    }
}

/// Returns how a MISP looks that is killed: an answer ends in the middle, or there is none.
fn end_of_misp(draws: &mut Draws) -> FaultRule {
    let after_bytes = draws.below(4_000);
    let chunked = draws.once_in(2);
    match draws.below(3) {
        0 => Fault::CloseEarly.into(),
        _ => Fault::CutOff { after_bytes, chunked }.into(),
    }
}

/// Edits and asks until the daemon is gone or the moment is over; returns the number of answers.
fn through_the_moment(stage: &Stage, served: &Served, analyst: &mut Analyst, draws: &mut Draws) -> usize {
    let (began, mut answered) = (Instant::now(), 0);
    let length = LONGEST_MOMENT.mul_f64(draws.below(1_000) as f64 / 1e3);
    loop {
        for _ in 0..draws.below(3) {
            analyst.edit(&stage.sim);
        }
        answered += served.assert_right(analyst);
        let is_gone = served.get("/healthz").is_none();
        if is_gone || began.elapsed() > length {
            return answered;
        }
    }
}

/// The block of the last publication is kept on disk: a direct answer of MISP cannot give it any more.
#[test]
fn an_event_that_is_being_edited_keeps_its_last_published_values_over_kills() {
    let stage = Stage::new();
    let mut draws = Draws::new(21);
    let mut analyst = Analyst::begin(22, &stage.sim, 6);
    let served = stage.serve();
    served.wait_until_mirrored(&analyst);
    served.wait_until_current(&analyst);
    analyst.draft(&stage.sim);
    served.wait_until_current(&analyst);
    served.kill();
    for is_misp_there in [true, false, true] {
        if !is_misp_there {
            stage.sim.set_fault(Fault::Refuse);
        }
        let served = stage.serve();
        served.wait_for("answers", || served.assert_right(&analyst) == 2);
        served.wait_until_current(&analyst);
        std::thread::sleep(Duration::from_millis(draws.below(300) as u64));
        served.assert_right(&analyst);
        served.kill();
        stage.sim.clear_fault();
    }
}
