//! Rules of analysts: attributes of the type `snort`, for `suricata` and `snort`.
//!
//! A text has one or more rules. Each is checked against the grammar that both engines share and the words of the one
//! that gets it, and written on a line of its own. A text with a rule that does not fit is left out as a whole.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::export::sids::Sids;
use crate::export::{ExportCounts, QuarantineReason, Rivalry};
use crate::{Indicator, IndicatorType};

mod dialect;
mod head;
mod options;

pub(super) use dialect::{Dialect, SNORT_3, SURICATA};

use options::Options;

const NO_RULE: QuarantineReason = QuarantineReason::because("rule_syntax");

/// One rule, ready for a line.
#[derive(Debug)]
struct Rule {
    head: String,
    options: Options,
}

/// Returns why the text is left out; `None` if it is not.
pub(super) fn refuses(text: &str, dialect: &Dialect) -> Option<QuarantineReason> {
    rules(text, dialect).err()
}

/// Writes the rules of all texts; [`count`] returns the same numbers.
///
/// Of several rules with one number the one with the highest `rev` is written, and of equal ones the first in order. A
/// rule without a number gets one of our own.
pub(super) fn export(
    dialect: &Dialect,
    sids: Sids,
    items: &mut dyn Iterator<Item = Indicator<'_>>,
    out: &mut dyn Write,
) -> io::Result<ExportCounts> {
    let (lines, counts) = lines(dialect, sids, items);
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(counts)
}

/// Returns the counts of [`export`].
pub(super) fn count(dialect: &Dialect, sids: Sids, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
    lines(dialect, sids, items).1
}

/// Returns the text that replaces this one in the file, if the file has none of its rules.
pub(super) fn rivalry(
    dialect: &Dialect,
    sids: Sids,
    text: &str,
    items: &mut dyn Iterator<Item = Indicator<'_>>,
) -> Option<Rivalry> {
    let texts: Vec<&str> = items.map(|item| item.value).collect();
    let found: Vec<(usize, Rule)> = texts
        .iter()
        .enumerate()
        .filter_map(|(place, text)| Some((place, rules(text, dialect).ok()?)))
        .flat_map(|(place, rules)| rules.into_iter().map(move |rule| (place, rule)))
        .collect();
    let own = texts.iter().position(|other| *other == text)?;
    let (_, rule) = found.iter().find(|(place, _)| *place == own)?;
    let (gid, sid, rev) = (rule.options.gid, rule.options.sid?, rule.options.rev);
    let kept = newest(found, sids);
    if kept.iter().any(|line| line.text == own) {
        return None;
    }
    let winner = kept.iter().find(|line| line.number == (gid, sid))?;
    let why = if winner.rev > rev {
        format!("sid {sid}, and its rev {} is higher than {rev}", winner.rev)
    } else {
        format!("sid {sid} and rev {rev}, and it is the first in order")
    };
    let by = (*texts.get(winner.text)?).to_owned();
    Some(Rivalry::Outdone { by, why })
}

/// A line with the text that has it.
struct Line {
    text: usize,
    /// The group and the number of the rule.
    number: (u32, u32),
    rev: u32,
    line: String,
}

fn lines(dialect: &Dialect, sids: Sids, items: &mut dyn Iterator<Item = Indicator<'_>>) -> (Vec<String>, ExportCounts) {
    let mut counts = ExportCounts::default();
    let mut found = Vec::new();
    let mut texts = 0;
    for item in items.filter(|item| item.kind == IndicatorType::Snort) {
        match rules(item.value, dialect) {
            Ok(rules) => {
                found.extend(rules.into_iter().map(|rule| (texts, rule)));
                texts += 1;
            }
            Err(_) => counts.quarantined += 1,
        }
    }
    let kept = newest(found, sids);
    let mut is_written = vec![false; texts];
    for line in &kept {
        if let Some(is_written) = is_written.get_mut(line.text) {
            *is_written = true;
        }
    }
    counts.written = is_written.iter().filter(|is_written| **is_written).count() as u64;
    counts.quarantined += texts as u64 - counts.written;
    (kept.into_iter().map(|line| line.line).collect(), counts)
}

/// Returns one line for each number, in the order of the texts.
fn newest(found: Vec<(usize, Rule)>, mut sids: Sids) -> Vec<Line> {
    let mut kept: Vec<Line> = Vec::with_capacity(found.len());
    let mut places: HashMap<(u32, u32), usize> = HashMap::new();
    for (text, rule) in found {
        let numbered = match rule.options.sid {
            Some(sid) => Some(sid),
            None => sids.take(&format!("snort\0rule text\0{}", rule.line(None))),
        };
        let Some(sid) = numbered else { continue };
        let rev = rule.options.rev;
        let line = rule.line(rule.options.sid.is_none().then_some(sid));
        let number = (rule.options.gid, sid);
        let line = Line {
            text,
            number,
            rev,
            line,
        };
        let place = *places.entry(number).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(other) if other.rev < rev => *other = line,
            Some(_) => {}
            None => kept.push(line),
        }
    }
    kept
}

impl Rule {
    fn line(&self, sid: Option<u32>) -> String {
        let options: String = self.options.words.iter().map(|option| format!("{option}; ")).collect();
        let sid = sid.map(|sid| format!("sid:{sid}; ")).unwrap_or_default();
        format!("{} ({})", self.head, format!("{options}{sid}").trim_end())
    }
}

/// Reads all rules of a text.
fn rules(text: &str, dialect: &Dialect) -> Result<Vec<Rule>, QuarantineReason> {
    // Every rule has a bracket; this is faster than taking the text apart.
    if !text.contains('(') {
        return Err(NO_RULE);
    }
    // A backslash at the end of a line continues the rule on the next one.
    let joined = text.replace("\r\n", "\n").replace("\\\n", " ");
    let mut rest = joined.trim();
    let mut rules = Vec::new();
    while !rest.is_empty() {
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
            continue;
        }
        let (head, behind) = rest.split_once('(').ok_or(NO_RULE)?;
        let head = head::check(head, dialect)?;
        let (options, behind) = options::read(behind, dialect)?;
        rules.push(Rule { head, options });
        let (line, behind) = behind.split_once('\n').unwrap_or((behind, ""));
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            return Err(NO_RULE);
        }
        rest = behind.trim_start();
    }
    if rules.is_empty() { Err(NO_RULE) } else { Ok(rules) }
}
