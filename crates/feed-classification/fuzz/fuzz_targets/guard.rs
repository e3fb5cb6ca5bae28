//! Rules, own values and false positives from outside, and listed values: no panic, an own value is never exported, and
//! the parts of a cut network pass the guard unchanged.
//!
//! A line is `own VALUE`, `harmless TYPE VALUE`, `without RULE`, or a listed `TYPE VALUE`.
//!
//! `cargo xtask fuzz guard`.

#![no_main]

use feed_classification::{
    Extractor, FalsePositives, Guard, GuardRules, IndicatorSet, IndicatorType, MAX_PARTS, OwnValue, Verdict,
};
use libfuzzer_sys::fuzz_target;

/// Lines of each kind that are read. More only make a run slower.
const LINES: usize = 8;

fuzz_target!(|text: &str| {
    let rules = rules(text);
    let harmless: Vec<IndicatorSet> = after(text, "harmless ")
        .filter_map(listed)
        .map(|(kind, values)| IndicatorSet::of(kind, values.iter().map(String::as_str)))
        .collect();
    let harmless = FalsePositives::of(harmless);
    let guard = Guard::new(rules);
    for own in guard.rules().never_export.values() {
        check_own(&guard, own);
    }
    for (kind, values) in text.lines().filter_map(listed).take(LINES) {
        for value in values {
            check(&guard, &harmless, kind, &value);
        }
    }
});

/// Returns the rest of each line that begins with this word.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.strip_prefix(word)).take(LINES)
}

fn rules(text: &str) -> GuardRules {
    let mut rules = GuardRules::default();
    for rule in after(text, "without ") {
        match rule {
            "special_purpose" => rules.special_purpose = false,
            "wide_prefixes" => rules.wide_prefixes = false,
            "public_suffixes" => rules.public_suffixes = false,
            _ => {}
        }
    }
    for value in after(text, "own ").filter_map(|text| text.parse::<OwnValue>().ok()) {
        assert_eq!(value.to_string().parse(), Ok(value.clone()));
        rules.never_export.add(value);
    }
    rules
}

/// Returns the type of a line, and the values in normal form that the rest gives.
fn listed(line: &str) -> Option<(IndicatorType, Vec<String>)> {
    let (kind, text) = line.split_once(' ')?;
    let kind = kind.parse().ok()?;
    let mut values = Vec::new();
    let extractor = Extractor::new(kind).max_expand(16);
    extractor.extract("", text, &mut |value| values.push(value.to_owned())).ok()?;
    Some((kind, values))
}

fn check_own(guard: &Guard, own: &OwnValue) {
    let (kind, value) = match own {
        OwnValue::Network(network) => (IndicatorType::Ip, network.to_string()),
        OwnValue::Name(name) => (IndicatorType::Hostname, format!("www.{name}")),
        OwnValue::Url(url) => (IndicatorType::Url, url.to_string()),
        OwnValue::Digest(digest) => {
            let kind = match digest.len() {
                32 => IndicatorType::FileMd5,
                40 => IndicatorType::FileSha1,
                _ => IndicatorType::FileSha256,
            };
            (kind, digest.to_string())
        }
    };
    let verdict = guard.judge(kind, &value, &FalsePositives::default());
    assert!(matches!(verdict, Verdict::Refused(_)), "{own:?}: {verdict:?}");
}

fn check(guard: &Guard, harmless: &FalsePositives, kind: IndicatorType, value: &str) {
    let Verdict::Cut(_, parts) = guard.judge(kind, value, harmless) else { return };
    assert!((1..=MAX_PARTS).contains(&parts.len()));
    for part in parts {
        assert!(!guard.hides(part, harmless), "{part} of {value}");
        let verdict = guard.judge(kind, &part.to_string(), harmless);
        assert_eq!(verdict, Verdict::Exported, "{part} of {value}");
    }
}
