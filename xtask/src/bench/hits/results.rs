//! The samples of all cases and servers, and the tables that they give.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ROUNDS;
use super::cases::Case;
use super::server::Column;
use crate::bench::load::{CONNECTIONS, SECONDS};
use crate::bench::section::{Aim, Bound, Section, load, median, number};

/// One run on one server.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    /// Processor time of the server an answer.
    pub(super) microseconds: f64,
    /// Answers a second.
    pub(super) per_second: f64,
    pub(super) p99_milliseconds: f64,
}

pub(super) struct Results {
    load_at_start: String,
    headers: usize,
    cases: Vec<&'static Case>,
    /// By the place of the case in `cases`.
    samples: BTreeMap<(usize, Column), Vec<Sample>>,
}

/// What a table shows.
#[derive(Clone, Copy)]
enum Figure {
    ProcessorTime,
    Speed,
}

impl Figure {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::ProcessorTime => sample.microseconds,
            Self::Speed => sample.per_second,
        }
    }

    fn written(self, samples: &[Sample]) -> String {
        let figure = median(samples.iter().map(|sample| self.of(sample)));
        let p99 = median(samples.iter().map(|sample| sample.p99_milliseconds));
        match self {
            Self::ProcessorTime => number(figure),
            Self::Speed => format!("{figure:.0}, {p99:.2} ms"),
        }
    }

    /// Returns the time of another server divided by that of cratosd.
    fn ratio(self, other: &Sample, cratosd: &Sample) -> f64 {
        match self {
            Self::ProcessorTime => self.of(other) / self.of(cratosd),
            Self::Speed => self.of(cratosd) / self.of(other),
        }
    }
}

impl Results {
    pub(super) fn new(load_at_start: String, headers: usize) -> Self {
        Self {
            load_at_start,
            headers,
            cases: Vec::new(),
            samples: BTreeMap::new(),
        }
    }

    /// Adds a sample; those of a round stand at the same place.
    pub(super) fn add(&mut self, case: &'static Case, column: Column, sample: Sample) {
        let known = self.cases.iter().position(|known| known.name == case.name);
        let place = known.unwrap_or_else(|| {
            self.cases.push(case);
            self.cases.len() - 1
        });
        self.samples.entry((place, column)).or_default().push(sample);
    }

    /// Returns both tables and the aims.
    pub(super) fn section(&self) -> Section {
        let mut text = format!(
            "Processor time of the server an answer, in µs: medians of {ROUNDS} rounds in which the servers are asked in \
             turn,\n{SECONDS} s each, over {CONNECTIONS} connections that stay open. Ratios are medians of the ratios of \
             the rounds. All answers have\nthe {} headers of cratosd's. Load average {} at the start, {} at the end.\n\n",
            self.headers,
            self.load_at_start,
            load()
        );
        text += &self.table(Figure::ProcessorTime);
        text +=
            "\nAnswers a second, with the time within which 99 % of them came. The ratios are those of wall time.\n\n";
        text += &self.table(Figure::Speed);
        Section {
            text,
            aims: self.aims(),
        }
    }

    /// Returns the processor times of the case that was added last.
    pub(super) fn last_row(&self) -> String {
        let place = self.cases.len().saturating_sub(1);
        self.row(place, Figure::ProcessorTime)
    }

    fn table(&self, figure: Figure) -> String {
        let columns: String = Column::ALL
            .iter()
            .map(|column| format!(" {} |", column.name()))
            .collect();
        let mut text = format!("| asked |{columns} bare hyper ÷ cratosd | nginx ÷ cratosd |\n");
        text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
        for place in 0..self.cases.len() {
            text += &self.row(place, figure);
        }
        text
    }

    fn row(&self, place: usize, figure: Figure) -> String {
        let mut text = format!("| {} |", self.cases.get(place).map_or("", |case| case.name));
        for column in Column::ALL {
            let samples = self.samples.get(&(place, column));
            let cell = samples.map(|samples| figure.written(samples)).unwrap_or_default();
            let _ = write!(text, " {cell} |");
        }
        for column in [Column::BareHyper, Column::Nginx] {
            let ratio = self.ratio(place, column, figure).map(number).unwrap_or_default();
            let _ = write!(text, " {ratio} |");
        }
        text.push('\n');
        text
    }

    /// Returns the median of the ratios of a column to cratosd, round by round.
    fn ratio(&self, place: usize, column: Column, figure: Figure) -> Option<f64> {
        let of = |column| self.samples.get(&(place, column));
        let pairs = of(column)?.iter().zip(of(Column::Cratosd)?);
        Some(median(pairs.map(|(other, cratosd)| figure.ratio(other, cratosd))))
    }

    fn aims(&self) -> Vec<Aim> {
        let mut aims = Vec::new();
        for (place, case) in self.cases.iter().enumerate() {
            let ratio = |column| self.ratio(place, column, Figure::ProcessorTime);
            let own = self.samples.get(&(place, Column::Cratosd));
            let own = own.map(|samples| median(samples.iter().map(|sample| sample.microseconds)));
            let least = |aim: Option<f64>| aim.map(Bound::AtLeast);
            let figures = [
                (
                    ", bare hyper ÷ cratosd",
                    least(case.against_bare_hyper),
                    ratio(Column::BareHyper),
                    "",
                ),
                (", nginx ÷ cratosd", least(case.against_nginx), ratio(Column::Nginx), ""),
                ("", case.microseconds.map(Bound::AtMost), own, " µs"),
            ];
            for (what, aim, measured, unit) in figures {
                if let (Some(aim), Some(measured)) = (aim, measured) {
                    aims.push(Aim {
                        what: format!("{}{what}", case.name),
                        aim,
                        measured,
                        unit,
                    });
                }
            }
        }
        aims
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::*;

    fn results() -> Results {
        let mut results = Results::new("1.0".to_owned(), 14);
        let sample = |microseconds| Sample {
            microseconds,
            per_second: 1e6 / microseconds,
            p99_milliseconds: 0.5,
        };
        for microseconds in [40.0, 20.0, 25.0] {
            results.add(&CASES[0], Column::Cratosd, sample(microseconds));
            results.add(&CASES[0], Column::BareHyper, sample(10.0));
        }
        results
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        let section = results().section();
        assert!(
            section.text.contains("| 15 kB | 25 |  | 10 |  |  | 0.40 |  |"),
            "{}",
            section.text
        );
    }

    #[test]
    fn only_what_was_measured_has_an_aim() {
        let aims = results().section().aims;
        assert_eq!(aims.len(), 1);
        assert_eq!(aims[0].what, "15 kB, bare hyper ÷ cratosd");
    }
}
