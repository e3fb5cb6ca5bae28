//! What one group of measurements found: text for `docs/performance.md`, and the figures that have an aim.

use std::fmt::Write as _;

/// The result of one group.
pub(crate) struct Section {
    /// Markdown: a sentence and tables.
    pub(crate) text: String,
    pub(crate) aims: Vec<Aim>,
}

/// A figure beside its aim.
pub(crate) struct Aim {
    pub(crate) what: String,
    pub(crate) aim: Bound,
    pub(crate) measured: f64,
    /// Blank and unit, or nothing for a ratio.
    pub(crate) unit: &'static str,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_kept(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(least) => measured >= least,
            Self::AtMost(most) => measured <= most,
        }
    }

    fn written(self, unit: &str) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {}{unit}", number(least)),
            Self::AtMost(most) => format!("≤ {}{unit}", number(most)),
        }
    }
}

/// Returns the aims as a table in Markdown. A figure that misses its aim is bold.
pub(crate) fn table_of_aims(aims: &[Aim]) -> String {
    let mut text = "| what | aim | measured |\n| --- | --- | --- |\n".to_owned();
    for aim in aims {
        let figure = format!("{}{}", number(aim.measured), aim.unit);
        let mark = if aim.aim.is_kept(aim.measured) { "" } else { "**" };
        let _ = writeln!(
            text,
            "| {} | {} | {mark}{figure}{mark} |",
            aim.what,
            aim.aim.written(aim.unit)
        );
    }
    text
}

/// Returns a number with two or three digits that count.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    match text.strip_suffix(".0").or_else(|| text.strip_suffix(".00")) {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Returns the sample in the middle; of an even number the lower one.
pub(crate) fn median(samples: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = samples.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or_default()
}

/// Returns the load average of the last minute.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_misses_its_aim_is_bold() {
        let aim = |aim, measured| Aim {
            what: "hit".to_owned(),
            aim,
            measured,
            unit: "",
        };
        let text = table_of_aims(&[aim(Bound::AtLeast(0.7), 0.5), aim(Bound::AtMost(1.8), 1.8)]);
        assert!(text.contains("| hit | ≥ 0.70 | **0.50** |"), "{text}");
        assert!(text.contains("| hit | ≤ 1.80 | 1.80 |"), "{text}");
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        assert_eq!([0.7, 13.84, 240.4, 30.0].map(number), ["0.70", "13.8", "240", "30"]);
    }

    #[test]
    fn the_median_is_one_of_the_samples() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.0);
        assert_eq!(median([]), 0.0);
    }
}
