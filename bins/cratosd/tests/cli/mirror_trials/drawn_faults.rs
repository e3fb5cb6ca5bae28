//! Drawn faults of MISP and `kill -9` of the daemon, one after the other, while an analyst edits and devices ask.
//!
//! Each body is compared with all that MISP has had: a value of no event, a torn event or an empty feed fails.

#![expect(clippy::print_stdout, reason = "a failed run shows its draws")]

use std::time::{Duration, Instant};

use misp_sim::{Fault, FaultRule};

use super::analyst::{Analyst, FEEDS};
use super::draws::Draws;
use super::stage::{Served, Stage};

/// Trials of the usual run, with the mirror and without it. `CRATOS_FAULTS=500` in the environment makes it so many for
/// each.
const TRIALS: usize = 15;

/// Events at the start.
const EVENTS: usize = 30;

/// The longest time of a trial that nothing ends before.
const LONGEST_TRIAL: Duration = Duration::from_millis(600);

#[test]
fn no_body_is_wrong_torn_or_empty_over_drawn_faults_and_kills_of_a_daemon_with_a_mirror() {
    run(&Stage::new(), 71);
}

#[test]
fn no_body_is_wrong_torn_or_empty_over_drawn_faults_and_kills_of_a_daemon_without_a_mirror() {
    run(&Stage::direct(), 72);
}

/// The sums over all trials.
#[derive(Debug, Default)]
struct Sums {
    faults: usize,
    kills: usize,
    bodies: usize,
}

fn run(stage: &Stage, seed: u64) {
    let trials = std::env::var("CRATOS_FAULTS").map_or(TRIALS, |text| text.parse().unwrap());
    let mut draws = Draws::new(seed);
    let mut analyst = Analyst::begin(seed, &stage.sim, EVENTS);
    let mut sums = Sums::default();
    let mut served = stage.serve();
    for trial in 0..trials {
        let questions = draws.below(8);
        let is_kill = draws.once_in(3);
        if is_kill {
            println!("{trial}: kill -9 after {questions} questions");
            stage.kill_after(&served, questions);
            sums.kills += 1;
        } else {
            let rule = drawn_fault(&mut draws).after(questions);
            println!("{trial}: {rule:?}");
            stage.sim.set_fault(rule);
            sums.faults += 1;
        }
        sums.bodies += through(stage, &served, &mut analyst, &mut draws);
        stage.sim.on_request(|_, _| ());
        stage.sim.clear_fault();
        if is_kill {
            served.kill();
            served = stage.serve();
        }
        if draws.once_in(4) {
            served.wait_until_current(&analyst);
        }
    }
    served.wait_until_current(&analyst);
    println!("{sums:?}");
    assert!(sums.bodies >= trials, "{sums:?}");
}

/// Edits and asks until the trial is over; returns the number of bodies, each of which was right.
fn through(stage: &Stage, served: &Served, analyst: &mut Analyst, draws: &mut Draws) -> usize {
    let length = LONGEST_TRIAL.mul_f64(draws.below(1_000) as f64 / 1e3);
    let (began, mut bodies) = (Instant::now(), 0);
    loop {
        for _ in 0..draws.below(3) {
            analyst.edit(&stage.sim);
        }
        bodies += served.assert_right(analyst);
        for feed in FEEDS {
            let answer = served.feed(feed).filter(|answer| answer.status == 200);
            assert!(answer.is_none_or(|answer| !answer.body.is_empty()), "{feed} is empty");
        }
        if began.elapsed() > length || served.get("/healthz").is_none() {
            return bodies;
        }
    }
}

/// Returns a fault for some of the questions, or for all.
///
/// Without those in which MISP says that there is less than it has: a first answer looks like a true one.
/// `misp-mirror` and `feed-engine` test that they are not believed after another answer.
fn drawn_fault(draws: &mut Draws) -> FaultRule {
    let after_bytes = draws.below(6_000);
    let chunked = draws.once_in(2);
    let status = [403, 404, 405, 429, 500, 502, 503][draws.below(7)];
    let fault = match draws.below(17) {
        0 => Fault::Refuse,
        1 => Fault::CloseEarly,
        2 => Fault::Hang,
        3 => Fault::HangInBody { after_bytes },
        4..=6 => Fault::CutOff { after_bytes, chunked },
        7 => Fault::Html { status: 200 },
        8 => Fault::Html { status },
        9 => Fault::Status(status),
        10 => Fault::Invalid(status),
        11 => Fault::SlowDrip {
            bytes: 200,
            pause: Duration::from_millis(5),
        },
        12 => Fault::EverythingUnfiltered,
        13 => Fault::NotJson,
        14 => Fault::LoginRedirect,
        15 => [Fault::WrongContentType, Fault::WithoutCounts, Fault::NumbersUnquoted][draws.below(3)].clone(),
        _ => Fault::Late(Duration::from_millis(draws.below(400) as u64)),
    };
    match draws.below(4) {
        0 => fault.into(),
        times => fault.times(times),
    }
}
