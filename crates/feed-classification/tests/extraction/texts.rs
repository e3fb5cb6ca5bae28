//! Texts of one line, and rules of many.

use feed_classification::{Dropped, IndicatorType as Kind, MAX_RULE_BYTES, MAX_VALUE_BYTES};

use crate::{drops, extract, gives};

#[test]
fn multi_line_yara_rule_comes_out_whole() {
    let rule = "import \"pe\"\nrule Two { condition: pe.is_pe }\n\nrule Three { condition: true }";
    gives(Kind::Yara, "yara", rule, rule);
    let windows = "rule One {\r\n\tstrings: $a = \"x\"\r\n\tcondition: $a\r\n}\r\n";
    gives(Kind::Yara, "yara", windows, windows);
}

#[test]
fn multi_line_sigma_rule_comes_out_whole() {
    let rule = "title: Example Rule 1\nlogsource:\n  product: windows\ndetection:\n  condition: selection\n";
    gives(Kind::Sigma, "sigma", rule, rule);
}

#[test]
fn snort_rule_comes_out_unchanged() {
    let rule = "alert tcp any any -> any any (msg:\"semi\\; colon\"; sid:9;)";
    gives(Kind::Snort, "snort", rule, rule);
    gives(Kind::Snort, "snort", " alert \\\n ip any ", " alert \\\n ip any ");
}

#[test]
fn rule_with_other_control_characters_is_dropped() {
    for value in ["rule a\0", "rule \u{1b}[2J", "rule \u{85}"] {
        drops(Kind::Yara, "yara", value, Dropped::ControlCharacter);
    }
    drops(Kind::Yara, "yara", " \n ", Dropped::Empty);
    drops(Kind::Yara, "yara", &"x".repeat(MAX_RULE_BYTES + 1), Dropped::TooLong);
    assert!(extract(Kind::Yara, "yara", &"x".repeat(MAX_RULE_BYTES)).is_ok());
}

const TEXTS: [(Kind, &str); 5] = [
    (Kind::Mutex, "mutex"),
    (Kind::EmailSubject, "email-subject"),
    (Kind::EmailAttachment, "email-attachment"),
    (Kind::Filename, "filename"),
    (Kind::UserAgent, "user-agent"),
];

#[test]
fn texts_come_out_whole() {
    for (kind, attribute_type) in TEXTS {
        for value in [
            "Global\\{A-B-C}",
            "=cmd|' /C calc'!A0",
            "rechnung \"final\", v2.pdf",
            "a\tb",
            "\u{1f600} ünï",
            "%PUBLIC%\\ev'il.exe",
            "- x: #y",
        ] {
            gives(kind, attribute_type, value, value);
        }
        gives(kind, attribute_type, "  leading and trailing  ", "leading and trailing");
    }
}

#[test]
fn text_of_two_lines_is_dropped() {
    for (kind, attribute_type) in TEXTS {
        for inside in [
            "\n", "\r", "\r\n", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}", "\u{fffe}", "\u{ffff}", "\u{b}",
            "\u{1b}",
        ] {
            drops(
                kind,
                attribute_type,
                &format!("one{inside}two"),
                Dropped::ControlCharacter,
            );
        }
    }
}

#[test]
fn value_over_the_size_limit_is_dropped() {
    assert!(extract(Kind::Mutex, "mutex", &"x".repeat(MAX_VALUE_BYTES)).is_ok());
    for kind in Kind::ALL
        .iter()
        .filter(|kind| !matches!(kind, Kind::Snort | Kind::Yara | Kind::Sigma))
    {
        drops(*kind, "text", &"x".repeat(MAX_VALUE_BYTES + 1), Dropped::TooLong);
    }
}
