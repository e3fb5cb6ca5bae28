//! `cargo xtask bench large`: a large feed, from request to last byte.
//!
//! Three processes, as in life: the MISP stand-in, `cratosd serve`, and this one as the firewall.

use anyhow::Context as _;

use super::Programs;

/// Rows in the feed that is measured, unless the command line says otherwise.
const ATTRIBUTES: usize = 100_000;

/// How often the cold request is measured; each time the daemon is started anew.
const ROUNDS: usize = 5;

/// Builds everything in release mode and prints one line per round.
pub(super) fn run(attributes: Option<&str>) -> anyhow::Result<()> {
    let attributes = attributes
        .map_or(Ok(ATTRIBUTES), str::parse)
        .context("not a number of attributes")?;
    let programs = Programs::build()?;
    let misp = programs.misp(attributes)?;
    println!("{attributes} domains, {ROUNDS} rounds, a fresh daemon each");
    for round in 1..=ROUNDS {
        let mut daemon = programs.daemon(&misp, &[])?;
        let cold = daemon.fetch()?;
        let warm = daemon.fetch()?;
        println!(
            "round {round}: cold {:.3} s, again {:.4} s, {} bytes, peak resident memory {:.1} MB",
            cold.took.as_secs_f64(),
            warm.took.as_secs_f64(),
            cold.bytes,
            daemon.peak_resident_bytes()? as f64 / 1e6,
        );
    }
    Ok(())
}
