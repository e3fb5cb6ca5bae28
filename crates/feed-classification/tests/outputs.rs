//! The bytes of the built-in outputs, read back by parsers of other crates.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::export::testkit;
use feed_classification::{ExportCounts, FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};
use quick_xml::events::Event;

fn export(output: &str, kind: Kind, values: &[&str]) -> (String, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let exported = exporter
        .export(&FeedInfo::new(kind, "block-mutex-1w"), &mut set.indicators(), &mut body)
        .unwrap();
    (String::from_utf8(body).unwrap(), exported)
}

fn body(output: &str, kind: Kind, values: &[&str]) -> String {
    export(output, kind, values).0
}

#[test]
fn txt_has_crlf_between_and_none_at_the_end() {
    assert_eq!(
        body("txt", Kind::Ipv4, &["10.0.0.2", "10.0.0.10"]),
        "10.0.0.10\r\n10.0.0.2"
    );
    assert_eq!(body("txt", Kind::Ipv4, &["10.0.0.2"]), "10.0.0.2");
    assert_eq!(body("txt", Kind::Ipv4, &[]), "");
}

#[test]
fn cisco_has_the_bytes_of_txt_and_so_has_paloalto_except_for_urls() {
    for kind in Kind::ALL.iter().copied() {
        let values = ["one", "two\nlines", "http://a.example/x", "b.example"];
        let txt = export("txt", kind, &values);
        assert_eq!(export("cisco", kind, &values), txt, "{kind}");
        assert_eq!(export("paloalto", kind, &values) == txt, kind != Kind::Url, "{kind}");
    }
}

#[test]
fn txt_leaves_out_a_value_of_two_lines_without_a_trace() {
    let (text, exported) = export("txt", Kind::Mutex, &["a", "b\nc", "d\u{2028}e", "f"]);
    assert_eq!(text, "a\r\nf");
    assert_eq!(
        exported,
        ExportCounts {
            written: 2,
            quarantined: 2
        }
    );
    assert_eq!(body("txt", Kind::Mutex, &["\n", "a\rb"]), "");
}

#[test]
fn txt_writes_rules_whole() {
    assert_eq!(
        body("txt", Kind::Yara, &["rule b\n{\n}", "rule a"]),
        "rule a\r\nrule b\n{\n}"
    );
}

#[test]
fn json_is_one_array_in_ascii() {
    assert_eq!(
        body("json", Kind::Mutex, &["b", "a\"\\", "æ", "\u{1f600}"]),
        r#"["a\"\\", "b", "\u00e6", "\ud83d\ude00"]"#
    );
    assert_eq!(body("json", Kind::Mutex, &[]), "[]");
}

#[test]
fn xml_has_an_element_per_value() {
    assert_eq!(
        body("xml", Kind::FileMd5, &["<b>", "a&a"]),
        "<?xml version='1.0' encoding='UTF-8'?>\n<file-md5><entry>&lt;b&gt;</entry><entry>a&amp;a</entry></file-md5>"
    );
    assert_eq!(
        body("xml", Kind::Ipv4, &[]),
        "<?xml version='1.0' encoding='UTF-8'?>\n<ipv4 />"
    );
}

#[test]
fn xml_leaves_out_values_that_it_cannot_write() {
    let (text, exported) = export("xml", Kind::Yara, &["a\u{1b}", "b\u{ffff}", "c"]);
    assert!(text.ends_with("<yara><entry>c</entry></yara>"));
    assert_eq!(
        exported,
        ExportCounts {
            written: 1,
            quarantined: 2
        }
    );
    assert!(body("xml", Kind::Yara, &["\0"]).ends_with("<yara />"));
}

#[test]
fn yaml_is_one_list_of_strings() {
    assert_eq!(
        body(
            "yaml",
            Kind::Mutex,
            &["null", "192.0.2.1", "evil.example", "it's", "æ\n"]
        ),
        "---\n- '192.0.2.1'\n- evil.example\n- 'it''s'\n- 'null'\n- \"\\xE6\\n\"\n"
    );
    assert_eq!(body("yaml", Kind::Mutex, &[]), "--- []\n");
}

#[test]
fn b64_encodes_each_value_with_padding() {
    assert_eq!(
        body("b64", Kind::Mutex, &["a", "ab", "abc", "\u{3ff}\u{3ff}\n"]),
        "YQ==\r\nYWI=\r\nYWJj\r\nz7/Pvwo="
    );
    assert_eq!(body("b64", Kind::Mutex, &[]), "");
}

#[test]
fn content_types_are_those_of_cratos_fastapi() {
    let registry = Registry::builtin();
    let content_type = |output: &str| registry.by_name(output).unwrap().about().content_type;
    for output in ["txt", "yaml", "b64"] {
        assert_eq!(content_type(output), "text/plain; charset=utf-8");
    }
    assert_eq!(content_type("json"), "application/json");
    assert_eq!(content_type("xml"), "text/xml; charset=utf-8");
}

fn read_xml(body: &[u8]) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let mut values = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) if element.name().as_ref() == "entry" => values.push(String::new()),
            Event::Text(text) => values
                .last_mut()
                .into_iter()
                .for_each(|value| value.push_str(&text.xml10_content())),
            Event::GeneralRef(reference) => {
                let char = reference
                    .resolve_char_ref()
                    .unwrap()
                    .or_else(|| match reference.as_ref() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        _ => None,
                    });
                values.last_mut().unwrap().push(char.unwrap());
            }
            Event::Eof => return values,
            _ => {}
        }
    }
}

#[test]
fn parsers_of_others_read_back_the_same_values() {
    let registry = Registry::builtin();
    let check = |output: &str, read: testkit::Reader<'_>| {
        testkit::check_round_trip(registry.by_name(output).unwrap().as_ref(), read)
    };
    check("json", &|body| serde_json::from_slice(body).unwrap());
    check("yaml", &|body| serde_yaml::from_slice(body).unwrap());
    check("xml", &read_xml);
    check("generic", &|body| {
        std::str::from_utf8(body).unwrap().lines().map(str::to_owned).collect()
    });
}

mod arbitrary {
    use super::{IndicatorSet, Kind, body, read_xml};
    use feed_classification::export::escape;
    use proptest::prelude::*;

    /// Any Unicode, with more of the characters that break formats.
    fn values() -> impl Strategy<Value = Vec<String>> {
        let awkward = "[-?:,\\[\\]{}#&*!|>'\"%@`=~<.+0-9eExXoOnNyY_ \t\r\n\\\\\u{0}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{fffe}\u{1f600}]{0,8}";
        proptest::collection::vec(prop_oneof![any::<String>(), awkward, "[ -~]{0,12}"], 0..12)
    }

    proptest! {
        #[test]
        fn json_reads_back(values in values()) {
            let refs: Vec<_> = values.iter().map(String::as_str).collect();
            let set = IndicatorSet::of(Kind::Sigma, refs.iter().copied());
            let read: Vec<String> = serde_json::from_str(&body("json", Kind::Sigma, &refs)).unwrap();
            prop_assert!(set.iter().eq(read.iter().map(String::as_str)));
        }

        #[test]
        fn yaml_reads_back(values in values()) {
            let refs: Vec<_> = values.iter().map(String::as_str).collect();
            let set = IndicatorSet::of(Kind::Sigma, refs.iter().copied());
            let text = body("yaml", Kind::Sigma, &refs);
            let read: Vec<String> = serde_yaml::from_str(&text).unwrap();
            prop_assert!(set.iter().eq(read.iter().map(String::as_str)), "{text}");
            // An untyped reader must see strings too.
            let untyped: Vec<serde_json::Value> = serde_yaml::from_str(&text).unwrap();
            prop_assert!(untyped.iter().all(serde_json::Value::is_string), "{text}");
        }

        #[test]
        fn xml_reads_back_except_for_values_that_it_cannot_write(values in values()) {
            let refs: Vec<_> = values.iter().map(String::as_str).collect();
            let set = IndicatorSet::of(Kind::Sigma, refs.iter().copied().filter(|value| escape::is_xml_text(value)));
            let read = read_xml(body("xml", Kind::Sigma, &refs).as_bytes());
            prop_assert!(set.iter().eq(read.iter().map(String::as_str)));
        }
    }
}
