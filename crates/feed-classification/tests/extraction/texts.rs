//! Texts of one line, and rules of many.

use feed_classification::{DropReason, IndicatorType as Kind, MAX_RULE_BYTES, MAX_VALUE_BYTES};

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
        drops(Kind::Yara, "yara", value, DropReason::ControlCharacter);
    }
    drops(Kind::Yara, "yara", " \n ", DropReason::Empty);
    drops(Kind::Yara, "yara", &"x".repeat(MAX_RULE_BYTES + 1), DropReason::TooLong);
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
                DropReason::ControlCharacter,
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
        drops(*kind, "text", &"x".repeat(MAX_VALUE_BYTES + 1), DropReason::TooLong);
    }
}

/// A zero-width space, a byte order mark, a soft hyphen, a direction mark, an override, a control and a private
/// character.
const INVISIBLE: [&str; 7] = [
    "\u{200b}", "\u{feff}", "\u{ad}", "\u{200e}", "\u{202e}", "\u{7}", "\u{e000}",
];

#[test]
fn invisible_characters_around_a_value_go() {
    let hash = "d41d8cd98f00b204e9800998ecf84270";
    for (kind, attribute_type, value) in [
        (Kind::Ipv4, "ip-dst", "1.2.3.4"),
        (Kind::Cidr6, "ip-dst", "2001:db8::/32"),
        (Kind::Domain, "domain", "evil.example"),
        (Kind::Url, "url", "http://evil.example/x"),
        (Kind::FileMd5, "md5", hash),
        (Kind::EmailAddress, "email-src", "a@evil.example"),
        (Kind::Vulnerability, "vulnerability", "CVE-2026-12345"),
        (Kind::Mutex, "mutex", "Global\\Example"),
        (Kind::EmailSubject, "email-subject", "final invoice"),
        (Kind::Filename, "filename", "invoice.exe"),
        (Kind::UserAgent, "user-agent", "Example/1.0"),
    ] {
        for mark in INVISIBLE {
            for around in [
                format!("{value}{mark}"),
                format!("{mark}{value}"),
                format!(" {mark} {value} {mark}{mark}\n"),
            ] {
                gives(kind, attribute_type, &around, value);
            }
            drops(kind, attribute_type, &format!(" {mark}"), DropReason::Empty);
        }
    }
    gives(Kind::Ipv4, "ip-dst|port", "1.2.3.4\u{200b}|443\u{feff}", "1.2.3.4");
    gives(Kind::FileMd5, "filename|md5", &format!("x.exe|\u{ad}{hash}"), hash);
    gives(
        Kind::Filename,
        "filename|md5",
        &format!("\u{feff}x.exe|{hash}"),
        "x.exe",
    );
}

#[test]
fn an_invisible_character_inside_makes_a_value_invalid() {
    for mark in INVISIBLE {
        for (kind, attribute_type, left, right) in [
            (Kind::Ipv4, "ip-dst", "1.2.3", ".4"),
            (Kind::Domain, "domain", "ev", "il.example"),
            (Kind::Hostname, "hostname", "evil.", "example"),
            (Kind::Url, "url", "http://ev", "il.example/"),
            (Kind::FileMd5, "md5", "d41d8cd98f00b204", "e9800998ecf84270"),
            (Kind::EmailAddress, "email-src", "a", "b@evil.example"),
            (Kind::EmailAddress, "email-src", "ab@ev", "il.example"),
            (Kind::Vulnerability, "vulnerability", "CVE-2026", "-12345"),
        ] {
            let value = format!("{left}{mark}{right}");
            assert!(extract(kind, attribute_type, &value).is_err(), "{value:?}");
        }
    }
}

/// The attacker wrote the name that turns around on the screen, so exactly that name has to be found.
#[test]
fn an_invisible_character_inside_of_a_text_is_kept() {
    for (kind, attribute_type) in TEXTS {
        for value in ["invoice\u{202e}fdp.exe", "zero\u{200b}width", "soft\u{ad}hyphen"] {
            gives(kind, attribute_type, value, value);
        }
    }
    // Rules are never changed.
    gives(
        Kind::Sigma,
        "sigma",
        "\u{feff}title: x\u{200b}",
        "\u{feff}title: x\u{200b}",
    );
}

#[test]
fn an_extension_of_a_browser_is_32_letters_from_a_to_p() {
    let id = "abcdefghijklmnopabcdefghijklmnop";
    for (kind, attribute_type) in [
        (Kind::ChromeExtensionId, "chrome-extension-id"),
        (Kind::EdgeExtensionId, "edge-extension-id"),
    ] {
        gives(kind, attribute_type, id, id);
        gives(kind, attribute_type, &id.to_uppercase(), id);
        for value in [
            id.trim_start_matches('a'),
            &format!("{id}a"),
            &id.replace('p', "q"),
            &id.replace('a', "1"),
            "https://chromewebstore.google.com/detail/abcdefghijklmnopabcdefghijklmnop",
        ] {
            drops(kind, attribute_type, value, DropReason::NotAnExtensionId);
        }
    }
}
