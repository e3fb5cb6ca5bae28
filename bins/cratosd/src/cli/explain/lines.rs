//! An explanation as short lines for people.

use std::fmt::Write as _;

use feed_engine::{FeedExplanation, FeedRequest, OutputEffect, ReasonedAttribute, RowRule};
use jiff::Timestamp;

/// Returns the lines of an explanation. What MISP sent is written without control characters.
pub(super) fn of(explained: &FeedExplanation, request: &FeedRequest) -> String {
    let (scope, value) = (request.scope, shown(&explained.value));
    let feed = format!("{} {} {}", scope.selection.name(), scope.kind, scope.age);
    let verb = if explained.is_listed { "is" } else { "is not" };
    let mut text = format!("{value} {verb} in {feed}.\n");
    let output = &request.output;
    let effect = match &explained.output {
        OutputEffect::Rewritten(form) => format!("The output {output} writes it as {}.\n", shown(form)),
        OutputEffect::Aggregated(network) => format!("The output {output} has it in {network}.\n"),
        OutputEffect::LeftOut(reason) => format!("The output {output} leaves it out: {reason}.\n"),
        _ => String::new(),
    };
    text += &effect;
    let Some(reasons) = &explained.reasons else {
        text += "The source of this program knows no reasons.\n";
        return text;
    };
    let about = &reasons.explanation;
    if let Some(reason) = about.invalid {
        let _ = writeln!(text, "It is not a value of the type {}: {reason}.", scope.kind);
    }
    for mark in &about.harmless {
        let _ = writeln!(
            text,
            "Harmless: event {} calls {} a false positive since {}.",
            mark.event.id,
            shown(&mark.value),
            day(mark.timestamp)
        );
    }
    if reasons.attributes.is_empty() {
        text += "MISP has no attribute with this value.\n";
    }
    for attribute in &reasons.attributes {
        text += &line(attribute);
    }
    if about.more_attributes > 0 {
        let _ = writeln!(text, "{} more attributes have the value.", about.more_attributes);
    }
    text
}

/// Returns the line of an attribute.
fn line(attribute: &ReasonedAttribute) -> String {
    let (about, event) = (&attribute.about, &attribute.about.event);
    let ids: Vec<String> = attribute.ids.iter().map(u64::to_string).collect();
    let ids = if ids.is_empty() {
        String::new()
    } else {
        format!(" {}", ids.join(", "))
    };
    let mut line = format!(
        "event {} ({}), attribute{ids}, {}, changed {}: ",
        event.id,
        shown(&event.info),
        shown(&about.attribute_type),
        day(about.timestamp)
    );
    let mut refused: Vec<String> = about
        .rules
        .iter()
        .filter(|(_, passes)| !passes)
        .map(|(rule, _)| words(*rule, attribute))
        .collect();
    if let Some(reason) = about.invalid {
        refused.insert(0, format!("its value is not valid ({reason})"));
    }
    if refused.is_empty() {
        line.push_str("counts\n");
    } else {
        let _ = writeln!(line, "does not count: {}", refused.join("; "));
    }
    line
}

/// Returns why a rule does not let an attribute pass.
fn words(rule: RowRule, attribute: &ReasonedAttribute) -> String {
    let about = &attribute.about;
    match rule {
        RowRule::AttributeType => "feeds of this type do not take its attribute type".to_owned(),
        RowRule::Selection => "neither it nor its event has the tag of the feed".to_owned(),
        RowRule::NotHarmless => "it is tagged as a false positive".to_owned(),
        RowRule::ToIds => "it has no to_ids flag".to_owned(),
        RowRule::Age => "its last change is too long ago".to_owned(),
        RowRule::Publication => "its event is not published, or it changed since the publication".to_owned(),
        RowRule::Warninglists if attribute.warninglists.is_empty() => "a warninglist of MISP names it".to_owned(),
        RowRule::Warninglists => format!("on the warninglists {}", shown(&attribute.warninglists.join(", "))),
        RowRule::Tlp => {
            let level = about
                .tlp
                .map_or("the site's default_tlp".to_owned(), |level| format!("tlp:{level}"));
            format!("its level ({level}) is above the limit")
        }
        RowRule::Score => match about.score {
            Some(score) => format!("its score ({}) is below the limit", score.floor()),
            None => "it has no score".to_owned(),
        },
        other => format!("the rule {} does not let it pass", other.as_str()),
    }
}

fn day(unix_seconds: i64) -> String {
    Timestamp::from_second(unix_seconds).map_or_else(|_| "at an unknown time".to_owned(), |at| at.to_string())
}

/// Returns a text of MISP without characters that a terminal obeys.
fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect()
}
