//! The limits of a feed: what `cratosd` leaves out of it.

use config_file::word;
use feed_classification::Tlp;

use super::{Report, place, raw};

impl raw::Feed {
    /// Returns the limits as the query of a URL, empty without any; none when one of them is wrong.
    pub(super) fn limits(&self, report: &mut Report) -> Option<String> {
        let max_tlp = self.max_tlp.as_ref().map(|level| match level.value.parse::<Tlp>() {
            Ok(level) => Some(format!("max_tlp={}", level.as_str().replace('+', "%2B"))),
            Err(_) => {
                word::unknown(report, "max_tlp", level, "a TLP level", Tlp::ALL.map(Tlp::as_str));
                None
            }
        });
        let min_score = self.min_score.as_ref().map(|score| {
            if score.value <= 100 {
                return Some(format!("min_score={}", score.value));
            }
            report.wrong(
                place(score),
                "min_score",
                format!("`{}` is not a score", score.value),
                "write a whole number from 0 to 100",
            );
            None
        });
        let unscored = self.unscored.as_ref().map(|word| {
            match word.value.as_str() {
                "exclude" | "include" if self.min_score.is_some() => return Some(format!("unscored={}", word.value)),
                // Something was said about min_score already.
                "exclude" | "include" if self.told.iter().any(|told| told == "min_score") => {}
                "exclude" | "include" => {
                    let what = "the key means nothing without min_score";
                    report.wrong(place(word), "unscored", what, "add min_score, or remove the line");
                }
                _ => word::unknown(report, "unscored", word, "one of the two words", ["exclude", "include"]),
            }
            None
        });
        let limits: Option<Vec<String>> = [max_tlp, min_score, unscored].into_iter().flatten().collect();
        Some(limits?.join("&"))
    }
}
