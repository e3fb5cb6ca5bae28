use serde::Deserialize;

use super::*;
use crate::json::Row;

#[derive(Debug, PartialEq, Eq)]
struct N(u64);

#[derive(Deserialize)]
struct RawN {
    n: Option<u64>,
}

impl Row for N {
    type Raw = RawN;

    fn from_raw(raw: RawN) -> Option<Self> {
        raw.n.map(N)
    }
}

const WAY: &[&str] = &["response", "Attribute"];

fn split(way: &'static [&'static str], json: &[u8], piece: usize) -> Result<(Vec<u64>, u64), SplitError> {
    let mut splitter = Splitter::new(way);
    let mut rows: Vec<N> = Vec::new();
    for piece in json.chunks(piece) {
        splitter.push(piece, &mut rows)?;
    }
    splitter.finish(&mut rows)?;
    assert_eq!(splitter.rows(), rows.len() as u64 + splitter.unusable());
    Ok((rows.into_iter().map(|N(n)| n).collect(), splitter.unusable()))
}

/// The outcome must not depend on where the pieces end.
fn split_any(way: &'static [&'static str], json: &[u8]) -> Result<(Vec<u64>, u64), SplitError> {
    let whole = split(way, json, json.len().max(1));
    for piece in [1, 2, 3, 5, 7, 64] {
        let pieces = split(way, json, piece);
        match (&whole, &pieces) {
            (Err(SplitError::NotJson { .. }), Err(SplitError::NotJson { .. })) => {}
            _ => assert_eq!(pieces, whole, "in pieces of {piece}"),
        }
    }
    whole
}

fn rows(json: &str) -> Result<(Vec<u64>, u64), SplitError> {
    split_any(WAY, json.as_bytes())
}

#[test]
fn rows_come_out_of_compact_and_of_pretty_printed_documents() {
    assert_eq!(
        rows(r#"{"response":{"Attribute":[{"n":1},{"n":2}]}}"#),
        Ok((vec![1, 2], 0))
    );
    let pretty = "{\n  \"response\" : {\r\n\t\"Attribute\" : [\n {\"n\" : 1 } , {\"n\":2}\n ]\n }\n}\n";
    assert_eq!(rows(pretty), Ok((vec![1, 2], 0)));
    assert_eq!(rows("{\"response\": {\"Attribute\": []}}\n"), Ok((vec![], 0)));
}

#[test]
fn what_stands_beside_the_list_is_skipped() {
    let json =
        r#"{"a":1,"b":[{"n":9}],"response":{"x":{"Attribute":[{"n":8}]},"Attribute":[{"n":1}],"y":"]}"},"z":null}"#;
    assert_eq!(rows(json), Ok((vec![1], 0)));
    assert_eq!(
        rows(r#"{"a":-1.5e3,"b":true,"\u0072esponse":{"Attribute":[{"n":1}]}}"#),
        Ok((vec![1], 0))
    );
}

#[test]
fn document_may_be_the_list_itself() {
    assert_eq!(split_any(&[], b"[{\"n\":1},{\"n\":2}]"), Ok((vec![1, 2], 0)));
    assert_eq!(split_any(&[], b" [ ] "), Ok((vec![], 0)));
}

#[test]
fn empty_list_in_place_of_the_inner_object_means_no_rows() {
    assert_eq!(rows(r#"{"response": []}"#), Ok((vec![], 0)));
    assert!(matches!(rows(r#"{"response": [{"n":1}]}"#), Err(SplitError::Shape(_))));
    assert!(matches!(rows("[]"), Err(SplitError::Shape(_))));
}

#[test]
fn document_that_ends_early_is_cut_short_wherever_it_ends() {
    let whole = "{\"a\":-1.2e+3,\"response\":{\"Attribute\":[{\"n\":1,\"x\":[-0.5E-7],\"s\":\"\\u00fc\\\"\"},{\"n\":22}],\"b\":true}}";
    for end in 0..whole.len() {
        assert_eq!(
            split_any(WAY, &whole.as_bytes()[..end]),
            Err(SplitError::CutShort),
            "at {end}"
        );
    }
    assert_eq!(rows(whole), Ok((vec![1, 22], 0)));
}

#[test]
fn what_is_not_json_is_said_to_be_so() {
    for json in [
        "<html><body>Bad Gateway</body></html>",
        "\u{feff}{}",
        r#"{"response":{"Attribute":[{"n":1}]}}<br />"#,
        r#"{"response":{"Attribute":[{"n":1}]}}}"#,
        r#"{"response":{"Attribute":[{"n":1}{"n":2}]}}"#,
        r#"{"response":{"Attribute":[{"n":1},]}}"#,
        r#"{"response":{"Attribute":[,{"n":1}]}}"#,
        r#"{"response":{"Attribute":[{"n":1,}]}}"#,
        r#"{"response":{"Attribute":[{"n":1 "m":2}]}}"#,
        "{\"response\":{\"Attribute\":[{\"n\":1,\"s\":\"\n\"}]}}",
        r#"{"response":{"Attribute":[{"n":1}<br />Fatal error"#,
        r#"{"response":{"Attribute":[{"n":1}}}"#,
        r#"{response:1}"#,
        r#"{"a":01,"response":{"Attribute":[]}}"#,
        r#"{"a":1,}"#,
        r#"{,}"#,
        "nonsense",
        "12 monkeys",
    ] {
        assert!(
            matches!(rows(json), Err(SplitError::NotJson { .. })),
            "{json}: {:?}",
            rows(json)
        );
    }
}

#[test]
fn json_of_another_shape_is_said_to_be_so() {
    for json in [
        "{}",
        "null",
        "\"text\"",
        "17",
        r#"{"name":"Not Found","message":"Not Found"}"#,
        r#"{"response":{}}"#,
        r#"{"response":{"attribute":[]}}"#,
        r#"{"response":null}"#,
        r#"{"response":{"Attribute":{}}}"#,
        r#"{"response":{"Attribute":"none"}}"#,
        r#"{"response":{"Attribute":[1]}}"#,
        r#"{"response":{"Attribute":[null]}}"#,
        r#"{"response":{"Attribute":[[]]}}"#,
        r#"{"response":{"Attribute":[{"n":1}],"Attribute":[{"n":2}]}}"#,
        r#"{"response":{"Attribute":[{"n":1}]},"response":{"Attribute":[{"n":2}]}}"#,
    ] {
        assert!(
            matches!(rows(json), Err(SplitError::Shape(_))),
            "{json}: {:?}",
            rows(json)
        );
    }
}

#[test]
fn row_that_cannot_be_held_is_counted_and_the_others_stand() {
    let json = r#"{"response":{"Attribute":[{"n":1},{"n":"\ud800"},{"n":"x"},{"n":null},{},{"n":3}]}}"#;
    assert_eq!(rows(json), Ok((vec![1, 3], 4)));
}

#[test]
fn deep_nesting_ends_neither_the_stack_nor_the_search() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let json = format!(r#"{{"x":{deep},"response":{{"Attribute":[{{"n":1,"y":{deep}}},{{"n":{deep}}},{{"n":2}}]}}}}"#);
    assert_eq!(split(WAY, json.as_bytes(), 4_096), Ok((vec![1, 2], 1)));
}

#[test]
fn element_beyond_all_measure_is_too_large() {
    let json = format!(
        r#"{{"response":{{"Attribute":[{{"n":1,"y":"{}"}}]}}}}"#,
        "a".repeat(MAX_ELEMENT)
    );
    assert_eq!(split(WAY, json.as_bytes(), 65_536), Err(SplitError::TooLarge));
    assert_eq!(split(WAY, json.as_bytes(), json.len()), Err(SplitError::TooLarge));
}

#[test]
fn large_element_in_small_pieces_costs_no_more_than_a_few_looks() {
    let json = format!(
        r#"{{"response":{{"Attribute":[{{"n":1,"y":"{}"}}]}}}}"#,
        "a".repeat(4 << 20)
    );
    let began = std::time::Instant::now();
    assert_eq!(split(WAY, json.as_bytes(), 512), Ok((vec![1], 0)));
    assert!(
        began.elapsed().as_secs() < 20,
        "a look at every piece would take minutes"
    );
}
