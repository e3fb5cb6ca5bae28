//! The grammar of one Sigma rule.

use super::condition;
use super::tree::Node;
use crate::export::QuarantineReason;

const CONDITION: QuarantineReason = QuarantineReason::because("sigma_condition");
const DETECTION: QuarantineReason = QuarantineReason::because("sigma_detection");
const FIELD: QuarantineReason = QuarantineReason::because("sigma_field");
const LOGSOURCE: QuarantineReason = QuarantineReason::because("sigma_logsource");
const MODIFIER: QuarantineReason = QuarantineReason::because("sigma_modifier");
const NOT_A_RULE: QuarantineReason = QuarantineReason::because("sigma_not_a_rule");
const TITLE: QuarantineReason = QuarantineReason::because("sigma_title");

/// The longest title.
const MAX_TITLE_CHARACTERS: usize = 256;

const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
const STATUSES: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];

/// The keys of documents that do something to other rules: filters, correlations, old collections.
const OTHER_DOCUMENTS: [&str; 3] = ["action", "correlation", "filter"];

/// What a modifier is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Any,
    Boolean,
    Number,
    Text,
}

const MODIFIERS: &[(&str, Takes)] = &[
    ("all", Takes::Any),
    ("base64", Takes::Text),
    ("base64offset", Takes::Text),
    ("cased", Takes::Text),
    ("cidr", Takes::Text),
    ("contains", Takes::Text),
    ("endswith", Takes::Text),
    ("exists", Takes::Boolean),
    ("fieldref", Takes::Text),
    ("gt", Takes::Number),
    ("gte", Takes::Number),
    ("i", Takes::Text),
    ("lt", Takes::Number),
    ("lte", Takes::Number),
    ("m", Takes::Text),
    ("neq", Takes::Any),
    ("re", Takes::Text),
    ("s", Takes::Text),
    ("startswith", Takes::Text),
    ("utf16", Takes::Text),
    ("utf16be", Takes::Text),
    ("utf16le", Takes::Text),
    ("wide", Takes::Text),
    ("windash", Takes::Text),
];

/// Checks one document.
///
/// # Errors
/// Why it is not a rule that stands for itself.
pub(super) fn check(rule: &Node) -> Result<(), QuarantineReason> {
    if !matches!(rule, Node::Map(_)) || OTHER_DOCUMENTS.iter().any(|key| rule.get(key).is_some()) {
        return Err(NOT_A_RULE);
    }
    let title = rule.get("title").and_then(Node::text).ok_or(TITLE)?;
    if title.is_empty() || title.chars().count() > MAX_TITLE_CHARACTERS {
        return Err(TITLE);
    }
    if !has_valid_fields(rule) {
        return Err(FIELD);
    }
    logsource(rule.get("logsource").ok_or(LOGSOURCE)?)?;
    detection(rule.get("detection").ok_or(DETECTION)?)
}

/// Returns the date of the last change in digits, `20240131`; empty if there is none.
pub(super) fn changed(rule: &Node) -> String {
    let date = rule.get("modified").or_else(|| rule.get("date")).and_then(Node::text);
    date.map(date_digits).unwrap_or_default().unwrap_or_default()
}

fn has_valid_fields(rule: &Node) -> bool {
    let is_absent_or = |key: &str, is_valid: &dyn Fn(&Node) -> bool| match rule.get(key) {
        None | Some(Node::Null) => true,
        Some(value) => is_valid(value),
    };
    let is_text = |node: &Node| node.text().is_some();
    let is_filled = |node: &Node| node.text().is_some_and(|text| !text.is_empty());
    let is_single = |node: &Node| !matches!(node, Node::List(_) | Node::Map(_));
    let is_list = |node: &Node| matches!(node, Node::List(items) if items.iter().all(is_single));
    let is_word_of = |words: &'static [&'static str]| {
        move |node: &Node| {
            node.text()
                .is_some_and(|text| words.contains(&text.to_lowercase().as_str()))
        }
    };
    is_absent_or("id", &|node| node.text().is_some_and(is_uuid))
        && ["name", "taxonomy"].iter().all(|key| is_absent_or(key, &is_filled))
        && ["author", "description", "license"]
            .iter()
            .all(|key| is_absent_or(key, &is_text))
        && ["falsepositives", "fields", "references", "scope"]
            .iter()
            .all(|key| is_absent_or(key, &is_list))
        && ["date", "modified"]
            .iter()
            .all(|key| is_absent_or(key, &|node| node.text().and_then(date_digits).is_some()))
        && is_absent_or("level", &is_word_of(&LEVELS))
        && is_absent_or("status", &is_word_of(&STATUSES))
        && is_absent_or(
            "tags",
            &|node| matches!(node, Node::List(tags) if tags.iter().all(is_tag)),
        )
        && is_absent_or(
            "related",
            &|node| matches!(node, Node::List(all) if all.iter().all(is_relation)),
        )
}

/// A tag has a namespace: `attack.t1059`.
fn is_tag(node: &Node) -> bool {
    let parts = node.text().and_then(|tag| tag.split_once('.'));
    parts.is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
}

fn is_relation(node: &Node) -> bool {
    const KINDS: [&str; 6] = ["correlation", "derived", "obsolete", "merged", "renamed", "similar"];
    let text = |key: &str| node.get(key).and_then(Node::text);
    text("id").is_some_and(is_uuid) && text("type").is_some_and(|kind| KINDS.contains(&kind.to_lowercase().as_str()))
}

/// Eight, four, four, four and twelve digits.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Reads `2024-01-31` or `2024/1/31`; returns the eight digits of a day that exists.
fn date_digits(text: &str) -> Option<String> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shortest = if separator == '/' { 1 } else { 2 };
    let is_short = |part: &str| (shortest..=2).contains(&part.len());
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_form = year.len() == 4 && is_short(month) && is_short(day) && parts.next().is_none();
    if !has_form || ![year, month, day].iter().all(|part| is_digits(part)) {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (1000..4000)
        .contains(&date.year())
        .then(|| date.strftime("%Y%m%d").to_string())
}

fn logsource(logsource: &Node) -> Result<(), QuarantineReason> {
    let Node::Map(entries) = logsource else {
        return Err(LOGSOURCE);
    };
    let names = ["category", "product", "service"];
    let is_valid = |(key, value): &(String, Node)| {
        !names.contains(&key.as_str()) || value.text().is_some_and(|text| !text.is_empty())
    };
    let is_named = entries.iter().any(|(key, _)| names.contains(&key.as_str()));
    (is_named && entries.iter().all(is_valid))
        .then_some(())
        .ok_or(LOGSOURCE)
}

fn detection(detection: &Node) -> Result<(), QuarantineReason> {
    let Node::Map(entries) = detection else {
        return Err(DETECTION);
    };
    let searches = entries
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "condition" | "timeframe"));
    let mut names = Vec::new();
    for (name, search) in searches {
        items(search)?;
        names.push(name.as_str());
    }
    let is_valid = |node: &Node| node.text().is_some_and(|text| condition::is_valid(text, &names));
    let is_whole = match detection.get("condition") {
        Some(Node::List(all)) => !all.is_empty() && all.iter().all(is_valid),
        Some(one) => is_valid(one),
        None => false,
    };
    is_whole.then_some(()).ok_or(CONDITION)
}

/// A search is a map of fields, a list of such maps, or words without a field.
fn items(search: &Node) -> Result<(), QuarantineReason> {
    match search {
        Node::Map(fields) if !fields.is_empty() => fields.iter().try_for_each(|(name, value)| field(name, value)),
        Node::List(all) if !all.is_empty() => all.iter().try_for_each(items),
        Node::Text(_) | Node::Number(_) => Ok(()),
        Node::Map(_) | Node::List(_) | Node::Null | Node::Boolean(_) => Err(DETECTION),
    }
}

fn field(name: &str, value: &Node) -> Result<(), QuarantineReason> {
    let mut modifiers = Vec::new();
    for word in name.split('|').skip(1) {
        modifiers.push(MODIFIERS.iter().find(|(known, _)| *known == word).ok_or(MODIFIER)?);
    }
    let has = |word: &str| modifiers.iter().any(|(name, _)| *name == word);
    let needs_regular_expression = has("i") || has("m") || has("s");
    if needs_regular_expression && !has("re") {
        return Err(MODIFIER);
    }
    let takes = modifiers
        .iter()
        .map(|(_, takes)| *takes)
        .find(|takes| *takes != Takes::Any);
    let one = std::slice::from_ref(value);
    let values = match value {
        Node::List(values) => values.as_slice(),
        _ => one,
    };
    // The modifier `all` of one value is an error in pySigma.
    if has("all") && values.len() < 2 {
        return Err(MODIFIER);
    }
    let fits = |value: &Node| match (takes, value) {
        (_, Node::List(_) | Node::Map(_)) => false,
        (None | Some(Takes::Any), _) | (Some(Takes::Number), Node::Number(_)) => true,
        (Some(Takes::Boolean), Node::Boolean(_)) => values.len() == 1,
        (Some(Takes::Text), Node::Text(text)) => {
            (!has("cidr") || is_network(text)) && (!has("re") || is_regular_expression(text))
        }
        _ => false,
    };
    values.iter().all(fits).then_some(()).ok_or(MODIFIER)
}

/// Python's `ip_network` takes no host bits.
fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>()
        .is_ok_and(|network| network.trunc() == network)
}

/// Returns whether brackets close and repetitions have something to repeat. What a regular expression may use beyond
/// that depends on the product that gets it.
fn is_regular_expression(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    let (mut depth, mut in_class, mut can_repeat) = (0_usize, false, false);
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                if chars.next().is_none() {
                    return false;
                }
                can_repeat = true;
            }
            '[' if !in_class => {
                in_class = true;
                // A bracket at the begin of a class is one of its characters.
                chars.next_if_eq(&'^');
                chars.next_if_eq(&']');
            }
            // Outside of a class it is a character as any other.
            ']' => (in_class, can_repeat) = (false, true),
            _ if in_class => {}
            '(' => {
                depth += 1;
                chars.next_if_eq(&'?');
                can_repeat = false;
            }
            ')' if depth == 0 => return false,
            ')' => (depth, can_repeat) = (depth - 1, true),
            '*' | '+' | '?' if !can_repeat => return false,
            '*' | '+' | '?' => {
                chars.next_if_eq(&'?');
                can_repeat = false;
            }
            '|' => can_repeat = false,
            _ => can_repeat = true,
        }
    }
    depth == 0 && !in_class
}

#[cfg(test)]
mod tests {
    use super::{Node, changed, check, date_digits, is_regular_expression};

    fn reason(text: &str) -> Option<&'static str> {
        let documents = Node::documents(text).unwrap();
        check(&documents[0]).err().map(super::QuarantineReason::reason)
    }

    const WHOLE: &str = "title: t\nid: 0f06a3a5-6a09-413f-8743-e6cf35561297\nstatus: test\nlevel: HIGH\ndate: 2024/1/31\n\
                         tags: [attack.t1059]\nlogsource: {product: windows}\ndetection:\n  s:\n    Image|endswith: ['\\a.exe']\n  condition: s\n";

    #[test]
    fn a_whole_rule_is_taken() {
        assert_eq!(reason(WHOLE), None);
        assert_eq!(changed(&Node::documents(WHOLE).unwrap()[0]), "20240131");
    }

    #[test]
    fn the_reason_names_the_part_that_is_wrong() {
        for (from, to, expected) in [
            ("title: t", "titel: t", "sigma_title"),
            ("title: t", "title: 1", "sigma_title"),
            ("0f06a3a5-", "", "sigma_field"),
            ("status: test", "status: foo", "sigma_field"),
            ("2024/1/31", "2024/2/31", "sigma_field"),
            ("attack.t1059", "attack", "sigma_field"),
            ("{product: windows}", "{definition: x}", "sigma_logsource"),
            ("{product: windows}", "windows", "sigma_logsource"),
            ("detection:", "detections:", "sigma_detection"),
            ("endswith", "endwith", "sigma_modifier"),
            ("['\\a.exe']", "[1]", "sigma_modifier"),
            ("endswith", "endswith|all", "sigma_modifier"),
            ("endswith", "cidr", "sigma_modifier"),
            ("condition: s", "condition: s and t", "sigma_condition"),
            ("condition: s", "", "sigma_condition"),
            ("title: t", "title: t\naction: global", "sigma_not_a_rule"),
            ("title: t", "title: t\ncorrelation: {}", "sigma_not_a_rule"),
        ] {
            assert_eq!(reason(&WHOLE.replace(from, to)), Some(expected), "{from} {to}");
        }
    }

    #[test]
    fn dates_are_days_that_exist() {
        for (text, digits) in [("2024-02-29", Some("20240229")), ("2024/2/9", Some("20240209"))] {
            assert_eq!(date_digits(text).as_deref(), digits);
        }
        for text in [
            "2023-02-29",
            "2024-2-9",
            "24/1/1",
            "2024-01-01-01",
            "0999-01-01",
            "2024",
            "x",
        ] {
            assert_eq!(date_digits(text), None, "{text}");
        }
    }

    #[test]
    fn regular_expressions_have_balanced_brackets() {
        for text in [
            "a+",
            "(?:a|b)*?",
            "[]a]",
            "a]+",
            "[^]]+",
            "\\(",
            "^$",
            "(?i)x",
            "(?<!a)b",
            "a{1,3}",
        ] {
            assert!(is_regular_expression(text), "{text}");
        }
        for text in ["(", ")", "[a", "*a", "a**", "\\", "(*)"] {
            assert!(!is_regular_expression(text), "{text}");
        }
    }
}
