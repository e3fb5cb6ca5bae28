//! The table of measurements, each beside its limit.

use std::time::Duration;

/// What a measurement may be at most, and its unit.
pub(super) struct Limit {
    most: f64,
    unit: &'static str,
    digits: usize,
}

impl Limit {
    pub(super) const fn seconds(most: f64) -> Self {
        Self {
            most,
            unit: "s",
            digits: 2,
        }
    }

    pub(super) const fn milliseconds(most: f64) -> Self {
        Self {
            most,
            unit: "ms",
            digits: 2,
        }
    }

    pub(super) const fn megabytes(most: f64) -> Self {
        Self {
            most,
            unit: "MB",
            digits: 0,
        }
    }

    pub(super) const fn count(most: f64, unit: &'static str) -> Self {
        Self { most, unit, digits: 0 }
    }

    pub(super) const fn times(most: f64) -> Self {
        Self {
            most,
            unit: "×",
            digits: 2,
        }
    }

    fn written(&self, value: f64) -> String {
        format!("{value:.*} {}", self.digits, self.unit)
    }
}

struct Row {
    what: String,
    limit: String,
    median: String,
    worst: String,
    samples: usize,
    processor: String,
    verdict: &'static str,
}

/// The rows so far, and notes below them.
pub(super) struct Table {
    title: String,
    load_at_start: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn begin(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            load_at_start: load(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a row. The median of the samples decides whether the limit holds; the worst one stands beside it.
    pub(super) fn add(&mut self, what: &str, limit: Limit, samples: &[f64]) {
        self.add_with_processor_time(what, limit, samples, None);
    }

    /// Adds a row with the processor time that cratosd needed for all samples together.
    pub(super) fn add_with_processor_time(
        &mut self,
        what: &str,
        limit: Limit,
        samples: &[f64],
        processor_seconds: Option<f64>,
    ) {
        let median = median(samples);
        let worst = samples.iter().copied().fold(0.0, f64::max);
        let is_kept = !samples.is_empty() && median <= limit.most;
        let each = |seconds: f64| format!("{:.3} s", seconds / samples.len().max(1) as f64);
        self.rows.push(Row {
            what: what.to_owned(),
            limit: limit.written(limit.most),
            median: limit.written(median),
            worst: limit.written(worst),
            samples: samples.len(),
            processor: processor_seconds.map(each).unwrap_or_default(),
            verdict: if is_kept { "ok" } else { "NOT" },
        });
        if let Some(row) = self.rows.last() {
            eprintln!(
                "{}: {} (worst {}, at most {}): {}; load {}",
                row.what,
                row.median,
                row.worst,
                row.limit,
                row.verdict,
                load()
            );
        }
    }

    /// Adds a line below the table.
    pub(super) fn note(&mut self, text: &str) {
        eprintln!("{text}");
        self.notes.push(text.to_owned());
    }

    /// Prints everything as Markdown.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the last step of a run whose other steps can fail"
    )]
    pub(super) fn print(&self) -> anyhow::Result<()> {
        println!(
            "\n{}; load average {} at the start, {} at the end\n",
            self.title,
            self.load_at_start,
            load()
        );
        println!("| what | at most | median | worst | of | processor time of cratosd each | |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for row in &self.rows {
            println!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.what, row.limit, row.median, row.worst, row.samples, row.processor, row.verdict
            );
        }
        println!();
        self.notes.iter().for_each(|note| println!("{note}"));
        Ok(())
    }
}

/// Returns the sample in the middle; of an even number the lower one.
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

pub(super) fn milliseconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1e3).collect()
}

/// Returns the load average of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
