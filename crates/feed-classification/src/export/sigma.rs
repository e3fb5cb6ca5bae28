//! `sigma`: one file of rules, a YAML document each.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use crate::export::{About, ExportCounts, Exporter, FeedInfo, Multiline, QuarantineReason, Rivalry};
use crate::{Indicator, IndicatorType, TypeSet};

mod condition;
mod rule;
mod tree;

use tree::Node;

const ACCEPTS: TypeSet = TypeSet::of(&[IndicatorType::Sigma]);

const ID_TWICE: QuarantineReason = QuarantineReason::because("sigma_id_twice");
const SYNTAX: QuarantineReason = QuarantineReason::because("sigma_syntax");

/// The rules of all texts as documents of one YAML file, LF. An empty feed has no bytes, which is a file without rules.
///
/// A reader of the file stops at the first fault. So each text is read as YAML and held against the grammar of Sigma
/// rules: title, log source, detection with conditions over searches that exist, and the values that have a fixed form
/// (`id`, `status`, `level`, dates, tags, modifiers of fields). A text that does not fit is left out.
///
/// - **Written anew.** The file has the keys and values of each rule in their order, with every text quoted that a
///   reader of YAML 1.1 or 1.2 could take for something else. Comments are not kept. A text as it is could be read in
///   one way here and in another by the consumer: an unquoted `2024-13-01` or `=` ends PyYAML.
/// - **`id` is unique** in the file. Of several texts with one `id` the newest counts (`modified`, else `date`), and
///   of the same day the first in order.
/// - Aliases and tags of YAML are left out, and documents that change what other rules do: filters, correlations and
///   the `action` of old collections.
///
/// Source: the Sigma specification 2.0; checked with pySigma 2.0.1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sigma;

impl Exporter for Sigma {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("sigma", "A YAML file of Sigma rules, one document each.")
            .content_type("application/yaml; charset=utf-8")
            .extension("yml")
            .consumer("sigma-cli and other converters of Sigma")
            .limits(
                "Texts that do not fit the grammar of Sigma, and of several with one `id` all but the newest, are \
                 left out.",
            )
            .pull("A script fetches the file with `curl -H \"token: TOKEN\"` and converts it with `sigma convert`.")
            .accepts(ACCEPTS)
            .multiline(Multiline::Escaped);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Rules::check(item.value).err()
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match Rules::check(item.value) {
            Ok(rules) => rules.write(out),
            Err(_) => Ok(()),
        }
    }

    fn rivalry(&self, item: &Indicator<'_>, items: &mut dyn Iterator<Item = Indicator<'_>>) -> Option<Rivalry> {
        outdone(item.value, items)
    }

    fn count(&self, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
        let (kept, quarantined) = newest(items);
        ExportCounts {
            written: kept.len() as u64,
            quarantined,
        }
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let (kept, quarantined) = newest(items);
        for text in &kept {
            // Read again: the trees of all texts together would take much memory.
            if let Ok(rules) = Rules::check(text) {
                rules.write(out)?;
            }
        }
        Ok(ExportCounts {
            written: kept.len() as u64,
            quarantined,
        })
    }
}

/// The documents of one text.
#[derive(Debug)]
struct Rules {
    documents: Vec<Node>,
}

impl Rules {
    fn check(text: &str) -> Result<Self, QuarantineReason> {
        // Every map has a colon; this is faster than an error.
        if !text.contains(':') {
            return Err(SYNTAX);
        }
        let documents = Node::documents(text).map_err(|_| SYNTAX)?;
        if documents.is_empty() {
            return Err(SYNTAX);
        }
        documents.iter().try_for_each(rule::check)?;
        let rules = Self { documents };
        let ids = rules.ids();
        let unique: HashSet<&String> = ids.iter().collect();
        if unique.len() < ids.len() {
            return Err(ID_TWICE);
        }
        Ok(rules)
    }

    fn ids(&self) -> Vec<String> {
        let ids = self
            .documents
            .iter()
            .filter_map(|rule| rule.get("id").and_then(Node::text));
        ids.map(str::to_ascii_lowercase).collect()
    }

    fn changed(&self) -> String {
        self.documents.iter().map(rule::changed).max().unwrap_or_default()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.documents.iter().try_for_each(|rule| rule.write_document(out))
    }
}

/// A text that may stand in the file.
struct Candidate<'t> {
    text: &'t str,
    /// The day of its last change; empty if it names none.
    changed: String,
    ids: Vec<String>,
}

/// Returns the texts that fit the grammar, and how many do not.
fn candidates<'t>(items: &mut dyn Iterator<Item = Indicator<'t>>) -> (Vec<Candidate<'t>>, u64) {
    let mut found = Vec::new();
    let mut quarantined = 0;
    for item in items.filter(|item| ACCEPTS.contains(item.kind)) {
        match Rules::check(item.value) {
            Ok(rules) => found.push(Candidate {
                text: item.value,
                changed: rules.changed(),
                ids: rules.ids(),
            }),
            Err(_) => quarantined += 1,
        }
    }
    (found, quarantined)
}

/// Returns the place of the newest text with each id.
fn best<'c>(found: &'c [Candidate<'_>]) -> HashMap<&'c str, usize> {
    let mut best: HashMap<&str, usize> = HashMap::new();
    for (place, candidate) in found.iter().enumerate() {
        for id in &candidate.ids {
            let other = best.entry(id).or_insert(place);
            if found.get(*other).is_some_and(|other| candidate.changed > other.changed) {
                *other = place;
            }
        }
    }
    best
}

/// Returns the texts of the file, and how many are left out.
fn newest<'t>(items: &mut dyn Iterator<Item = Indicator<'t>>) -> (Vec<&'t str>, u64) {
    let (found, quarantined) = candidates(items);
    let best = best(&found);
    let is_best = |place: usize, ids: &[String]| ids.iter().all(|id| best.get(id.as_str()) == Some(&place));
    let kept: Vec<&str> = found
        .iter()
        .enumerate()
        .filter(|(place, candidate)| is_best(*place, &candidate.ids))
        .map(|(_, candidate)| candidate.text)
        .collect();
    let outdone = found.len() - kept.len();
    (kept, quarantined + outdone as u64)
}

/// Returns the newer text with an id of this one, if there is one.
fn outdone(text: &str, items: &mut dyn Iterator<Item = Indicator<'_>>) -> Option<Rivalry> {
    let (found, _) = candidates(items);
    let best = best(&found);
    let own = found.iter().position(|candidate| candidate.text == text)?;
    let candidate = found.get(own)?;
    let (id, winner) = candidate.ids.iter().find_map(|id| {
        let winner = best.get(id.as_str()).filter(|winner| **winner != own)?;
        Some((id, found.get(*winner)?))
    })?;
    let why = if winner.changed > candidate.changed {
        let (newer, older) = (day(&winner.changed), day(&candidate.changed));
        format!("id {id}, and it is {newer} and this one {older}")
    } else {
        format!("id {id} and day, and it is the first in order")
    };
    let by = winner.text.to_owned();
    Some(Rivalry::Outdone { by, why })
}

/// Returns the words for a day in eight digits.
fn day(digits: &str) -> String {
    match (digits.get(..4), digits.get(4..6), digits.get(6..)) {
        (Some(year), Some(month), Some(day)) => format!("of {year}-{month}-{day}"),
        _ => "without a date".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(title: &str, date: &str) -> String {
        format!(
            "title: {title}\nid: 0f06a3a5-6a09-413f-8743-e6cf35561297\ndate: {date}\nlogsource: {{product: windows}}\n\
             detection:\n  s:\n    Image: a\n  condition: s\n"
        )
    }

    #[test]
    fn the_newest_rule_with_an_id_stays_and_of_two_of_one_day_the_first() {
        let kept = |dates: [&str; 2]| {
            let texts = [rule("one", dates[0]), rule("two", dates[1])];
            let mut items = texts.iter().map(|text| Indicator::new(IndicatorType::Sigma, text));
            let (kept, left_out) = newest(&mut items);
            assert_eq!((kept.len(), left_out), (1, 1));
            texts.iter().position(|text| text == kept[0])
        };
        assert_eq!(kept(["2023-01-01", "2024-01-01"]), Some(1));
        assert_eq!(kept(["2024-01-01", "2023-01-01"]), Some(0));
        assert_eq!(kept(["2024-01-01", "2024-01-01"]), Some(0));
    }
}
