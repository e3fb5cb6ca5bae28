//! Truncation and changed bits in the store of a mirror.

use std::fs;
use std::path::Path;

use misp_sim::Fault;

use super::analyst::Analyst;
use super::draws::Draws;
use super::stage::Stage;

/// Stores that are damaged, each at other places.
const ROUNDS: usize = 5;

/// Changed bytes of one store: enough that some of them are in use.
const FLIPS: usize = 12;

/// Words that a log line about a damaged store has.
const TOLD: [&str; 3] = ["damaged", "moved aside", "do not open"];

/// Returns a stage whose mirror is complete on disk, without a daemon.
fn mirrored() -> (Stage, Analyst, Vec<u8>) {
    let stage = Stage::new();
    let analyst = Analyst::begin(31, &stage.sim, 30);
    let served = stage.serve();
    served.wait_until_mirrored(&analyst);
    served.wait_until_current(&analyst);
    served.kill();
    let whole = fs::read(stage.store()).unwrap();
    (stage, analyst, whole)
}

/// Starts the daemon on a damaged store, first without MISP and then with it; returns whether the log told of damage.
fn assert_repaired(stage: &Stage, analyst: &Analyst) -> bool {
    stage.sim.set_fault(Fault::Refuse);
    let served = stage.serve();
    // It has looked at the store once its state says so, or once it answers.
    served.wait_for("the store was opened", || {
        served.assert_right(analyst);
        let site = served.site();
        site["way"] == "mirror" || told(&served.log()) || site["failing_since"].is_string()
    });
    served.assert_right(analyst);
    stage.sim.clear_fault();
    served.wait_until_mirrored(analyst);
    served.wait_until_current(analyst);
    served.wait_for("the damaged records are read again", || {
        served.site()["missing_events"] == 0
    });
    let was_told = told(&served.log());
    served.kill();
    // The repaired records are on disk, too.
    stage.sim.set_fault(Fault::Refuse);
    let served = stage.serve();
    served.wait_until_current(analyst);
    assert!(!told(&served.log()), "{}", served.log());
    served.kill();
    stage.sim.clear_fault();
    was_told
}

fn told(log: &str) -> bool {
    log.lines()
        .any(|line| (line.contains("WARN") || line.contains("ERROR")) && TOLD.iter().any(|word| line.contains(word)))
}

#[test]
fn changed_bits_in_the_store_are_noticed_told_and_repaired_from_misp() {
    let (stage, analyst, whole) = mirrored();
    let mut draws = Draws::new(41);
    let mut noticed = 0;
    for _ in 0..ROUNDS {
        let mut bytes = whole.clone();
        for _ in 0..FLIPS {
            let place = a_byte_in_use(&bytes, &mut draws);
            bytes[place] ^= 1 << draws.below(8);
        }
        put(&stage.store(), &bytes);
        noticed += usize::from(assert_repaired(&stage, &analyst));
    }
    assert!(noticed > ROUNDS / 2, "{noticed} of {ROUNDS} were told");
}

#[test]
fn a_truncated_store_is_noticed_told_and_repaired_from_misp() {
    let (stage, analyst, whole) = mirrored();
    let mut draws = Draws::new(51);
    for length in [0, 1, draws.below(4_096), draws.below(whole.len()), whole.len() - 1] {
        put(&stage.store(), &whole[..length]);
        let was_told = assert_repaired(&stage, &analyst);
        // An empty file is that of a mirror that has just begun.
        assert!(was_told || length == 0, "{length} of {} bytes", whole.len());
    }
}

/// Returns the place of a byte that is not 0: free pages are.
fn a_byte_in_use(bytes: &[u8], draws: &mut Draws) -> usize {
    let from = draws.below(bytes.len());
    let places = (from..bytes.len()).chain(0..from);
    places.into_iter().find(|place| bytes[*place] != 0).unwrap()
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}
