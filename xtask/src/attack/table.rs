//! The table of attacks, each beside its aims.

use super::good_client::Seen;

/// The aims: the most resident memory, that of a minute later, and the time of 99 % of the good client's answers.
const PEAK_MEGABYTES: f64 = 200.0;
const AFTERWARDS_MEGABYTES: f64 = 60.0;
const GOOD_CLIENT_MILLISECONDS: f64 = 50.0;

/// The outcome of one attack.
pub(super) struct Row {
    pub(super) about: &'static str,
    /// Connections that the attackers wanted, those that they opened, and those that stood when they left.
    pub(super) wanted: usize,
    pub(super) opened: usize,
    pub(super) standing: usize,
    /// Megabytes of resident memory.
    pub(super) before: f64,
    pub(super) peak: f64,
    pub(super) afterwards: f64,
    pub(super) seen: Seen,
}

pub(super) struct Table(Vec<Row>);

impl Table {
    pub(super) fn begin(values: usize) -> Self {
        println!("a feed of {values} values; load average {}", load());
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, row: Row) {
        eprintln!("{}", line(&row));
        self.0.push(row);
    }

    /// Prints everything as Markdown.
    pub(super) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        println!("\nload average {} at the end\n", load());
        println!(
            "| attack | connections: wanted, opened, standing after 75 s | before | peak (aim {PEAK_MEGABYTES} MB) | a minute after \
             (aim {AFTERWARDS_MEGABYTES} MB) | good client: 50 % / 99 % (aim {GOOD_CLIENT_MILLISECONDS} ms), failed | |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        self.0.iter().for_each(|row| println!("{}", line(row)));
    }
}

fn line(row: &Row) -> String {
    let Row {
        about,
        wanted,
        opened,
        standing,
        before,
        peak,
        afterwards,
        seen,
    } = row;
    let is_kept = *peak <= PEAK_MEGABYTES
        && *afterwards <= AFTERWARDS_MEGABYTES
        && seen.within(990) <= GOOD_CLIENT_MILLISECONDS
        && seen.failed == 0;
    format!(
        "| {about} | {wanted}, {opened}, {standing} | {before:.0} MB | {peak:.0} MB | {afterwards:.0} MB | {:.1} / {:.1} ms, {} of {} | {} |",
        seen.within(500),
        seen.within(990),
        seen.failed,
        seen.polls(),
        if is_kept { "ok" } else { "NOT" }
    )
}

/// Returns the load average of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
