//! `cargo xtask bench exports`: a million values in each output, or in one.

use std::process::Stdio;

use anyhow::Context as _;

use super::section::{Section, load};
use crate::cargo;

/// Runs the bench `million` of feed-classification, which has its own aims and marks what misses them.
pub(super) fn run(output: Option<&str>) -> anyhow::Result<Section> {
    let load_at_start = load();
    let bench = ["bench", "-p", "cratos-feed-classification", "--all-features"];
    let mut command = cargo::cargo(&[&bench[..], &["--bench", "million", "--"]].concat());
    command.args(output).stderr(Stdio::inherit());
    // It fails when an output misses an aim; its table stands nevertheless.
    let printed = command.output().context("cargo cannot be started")?;
    let printed = String::from_utf8(printed.stdout)?;
    let table: String = printed
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.to_owned() + "\n")
        .collect();
    anyhow::ensure!(!table.is_empty(), "no table in {printed}");
    let text = format!(
        "Load average {load_at_start} at the start, {} at the end.\n\n{table}",
        load()
    );
    Ok(Section { text, aims: Vec::new() })
}
