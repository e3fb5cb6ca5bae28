//! An explanation as short lines for people.

use feed_engine::{FeedExplanation, FeedRequest, OutputEffect, ReasonedAttribute, Reasons, RowRule};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Lines end before this column, except for a single long word.
const COLUMNS: usize = 80;

/// Returns the lines of an explanation. What MISP sent is written without control characters.
pub(super) fn of(explained: &FeedExplanation, request: &FeedRequest) -> String {
    let (scope, value) = (request.scope, shown(&explained.value));
    let feed = format!("{} {} {}", scope.selection.name(), scope.kind, scope.age);
    let verb = if explained.is_listed { "is" } else { "is not" };
    let mut lines = Lines::default();
    lines.add(0, &format!("{value} {verb} in {feed}."));
    if let Some(rule) = explained.guard {
        lines.add(
            0,
            &format!("The guard rule {rule} keeps it out, or cuts it: {}", rule.summary()),
        );
    }
    let output = &request.output;
    match &explained.output {
        OutputEffect::Written => lines.add(0, &format!("The output {output} writes it as it is.")),
        OutputEffect::Rewritten(form) => lines.add(0, &format!("The output {output} writes it as {}.", shown(form))),
        OutputEffect::Aggregated(network) => lines.add(0, &format!("The output {output} has it in {network}.")),
        OutputEffect::Truncated => {
            lines.add(
                0,
                &format!("The output {output} has newer values in all its places: it has a length limit."),
            );
        }
        OutputEffect::Outdone(why) => {
            let why = shown(why);
            lines.add(
                0,
                &format!("The output {output} writes another text in its place, which has the same {why}"),
            );
        }
        OutputEffect::Renamed(names) => {
            let names = shown(names);
            lines.add(
                0,
                &format!("The output {output} gives its rules other names, since other texts have those: {names}."),
            );
        }
        OutputEffect::LeftOut(reason) => lines.add(0, &format!("The output {output} leaves it out: {reason}.")),
        _ => {}
    }
    match &explained.reasons {
        Some(reasons) => lines.add_reasons(reasons, request),
        None => lines.add(0, "The source of this program knows no reasons."),
    }
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Adds a text as lines that begin at this column; further lines of it begin two columns later.
    fn add(&mut self, column: usize, text: &str) {
        let mut indent = column;
        let mut line = String::new();
        for word in text.split(' ') {
            let length = indent + line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && length > COLUMNS {
                self.end_line(indent, &line);
                (indent, line) = (column + 2, String::new());
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.end_line(indent, &line);
    }

    fn end_line(&mut self, indent: usize, line: &str) {
        self.0.push_str(&" ".repeat(indent));
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn add_reasons(&mut self, reasons: &Reasons, request: &FeedRequest) {
        let about = &reasons.explanation;
        if let Some(reason) = about.invalid {
            let kind = request.scope.kind;
            self.add(0, &format!("It is not a value of the type {kind}: {reason}."));
        }
        for mark in &about.harmless {
            let (id, value, since) = (mark.event.id, shown(&mark.value), moment(mark.timestamp));
            self.add(
                0,
                &format!("Harmless: event {id} calls {value} a false positive since {since}."),
            );
        }
        if reasons.attributes.is_empty() {
            self.add(0, "MISP has no attribute with this value.");
        }
        for attribute in &reasons.attributes {
            self.add_attribute(attribute);
        }
        if about.more_attributes > 0 {
            self.0.push('\n');
            self.add(0, &format!("{} more attributes have the value.", about.more_attributes));
        }
    }

    fn add_attribute(&mut self, attribute: &ReasonedAttribute) {
        let (about, event) = (&attribute.about, &attribute.about.event);
        self.0.push('\n');
        self.add(0, &format!("event {} ({})", event.id, shown(&event.info)));
        let ids: Vec<String> = attribute.ids.iter().map(u64::to_string).collect();
        let name = format!("attribute {}", ids.join(", "));
        let published = match event.publish_timestamp {
            0 => "its event was never published".to_owned(),
            at => format!("its event published {}", moment(at)),
        };
        let (kind, changed) = (shown(&about.attribute_type), moment(about.timestamp));
        self.add(
            2,
            &format!("{}, {kind}, changed {changed}, {published}", name.trim_end()),
        );
        if !about.is_current {
            self.add(2, "as its event, which is being edited, was last published");
        }
        if !attribute.warninglists.is_empty() {
            let names = shown(&attribute.warninglists.join(", "));
            self.add(2, &format!("on warninglists: {names}"));
        }
        self.add(2, if about.counts() { "counts" } else { "does not count" });
        if let Some(reason) = about.invalid {
            self.add(4, &format!("no   value: it is not valid ({reason})"));
        }
        self.add_rules(attribute);
    }

    /// Adds the rules in their order; those that let the attribute pass one after the other share a line.
    fn add_rules(&mut self, attribute: &ReasonedAttribute) {
        for rules in attribute.about.rules.chunk_by(|(_, one), (_, next)| *one && *next) {
            let names: Vec<&str> = rules.iter().map(|(rule, _)| rule.as_str()).collect();
            match rules {
                [(rule, false)] => {
                    let why = words(*rule, attribute);
                    self.add(4, &format!("no   {}: {why}", rule.as_str()));
                }
                _ => self.add(4, &format!("yes  {}", names.join(", "))),
            }
        }
    }
}

/// Returns why a rule does not let an attribute pass.
fn words(rule: RowRule, attribute: &ReasonedAttribute) -> String {
    let about = &attribute.about;
    let words = match rule {
        RowRule::AttributeType => "feeds of this type do not take its attribute type",
        RowRule::Selection => "neither it nor its event has the tag of the feed",
        RowRule::NotHarmless => "it is tagged as a false positive",
        RowRule::ToIds => "it has no to_ids flag",
        RowRule::Age => "its last change is too long ago",
        RowRule::Publication => "its event is not published, or it changed since the publication",
        RowRule::Warninglists => "a warninglist of MISP names it",
        RowRule::Tlp => {
            let level = about.tlp.map(|level| format!("tlp:{level}"));
            let level = level.unwrap_or_else(|| "the site's default_tlp".to_owned());
            return format!("its level ({level}) is above the limit");
        }
        RowRule::Score => match about.score {
            Some(score) => return format!("its score ({}) is below the limit", score.floor()),
            None => "it has no score",
        },
        _ => "it does not let the attribute pass",
    };
    words.to_owned()
}

/// Returns a time of MISP to the minute.
fn moment(unix_seconds: i64) -> String {
    let at = Timestamp::from_second(unix_seconds).map(|at| at.to_zoned(TimeZone::UTC));
    at.map_or_else(
        |_| "at an unknown time".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// Returns a text of MISP without characters that a terminal obeys.
fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect()
}
