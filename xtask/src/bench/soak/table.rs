//! The result of a soak.

use std::time::Duration;

use anyhow::ensure;

use super::phase::Phase;
use super::site::Held;

pub(super) struct Table {
    pub(super) measured: Duration,
    pub(super) phase: Phase,
    /// With no device connected: after the warm-up, and at the end.
    pub(super) before: Held,
    pub(super) after: Held,
}

impl Table {
    /// Prints the table; fails if a request was lost, a descriptor stays open, or memory grew by more than this share.
    pub(super) fn print(&self, growth: f64) -> anyhow::Result<()> {
        let sums = &self.phase.sums;
        println!("\n{} s of load and trouble, after a warm-up", self.measured.as_secs());
        println!("| what | number |\n| --- | --- |");
        for (what, times) in &self.phase.troubles {
            println!("| {what} | {times} |");
        }
        for ((what, status), times) in &sums.answers {
            println!("| {what}: {status} | {times} |");
        }
        println!("| lost requests | {} |", sums.lost);
        let (first, last) = (self.early(), self.late());
        println!(
            "| resident memory under load, first quarter, median | {} |",
            megabytes(first)
        );
        println!(
            "| resident memory under load, last quarter, median | {} |",
            megabytes(last)
        );
        let (before, after) = (self.before, self.after);
        println!(
            "| resident memory at rest, before | {} |",
            megabytes(before.resident_bytes)
        );
        println!(
            "| resident memory at rest, after | {} |",
            megabytes(after.resident_bytes)
        );
        println!("| descriptors at rest, before | {} |", before.descriptors);
        println!("| descriptors at rest, after | {} |", after.descriptors);
        ensure!(sums.lost == 0, "lost requests:\n{}", sums.examples.join("\n"));
        ensure!(
            after.descriptors <= before.descriptors,
            "{} descriptors stay open",
            after.descriptors - before.descriptors
        );
        for (when, from, to) in [
            ("under load", first, last),
            ("at rest", before.resident_bytes, after.resident_bytes),
        ] {
            let grown = to as f64 / from as f64 - 1.0;
            println!("memory {when}: {:+.1} %", grown * 100.0);
            ensure!(
                grown <= growth,
                "memory {when} grew by more than {:.0} %",
                growth * 100.0
            );
        }
        Ok(())
    }

    fn early(&self) -> u64 {
        let all = &self.phase.resident_bytes;
        median(all.get(..all.len().div_ceil(4)).unwrap_or_default())
    }

    fn late(&self) -> u64 {
        let all = &self.phase.resident_bytes;
        median(all.get(all.len() * 3 / 4..).unwrap_or_default())
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
