//! Rows of known and unknown fields in any order and spelling: the scan that reads rows where they lie gives what serde
//! gives, and never decides that bytes are wrong.
//!
//! `cargo xtask fuzz rows`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::{Attribute, AttributeReader, AttributeRow};

const NAMES: [&str; 22] = [
    "id",
    "event_id",
    "uuid",
    "type",
    "category",
    "value",
    "to_ids",
    "deleted",
    "timestamp",
    "last_seen",
    "Tag",
    "Event",
    "comment",
    "first_seen",
    "object_relation",
    "distribution",
    "object_id",
    "Sighting",
    "warnings",
    "Galaxy",
    "Value",
    r"\u0076alue",
];

const VALUES: [&str; 26] = [
    r#""7""#,
    "7",
    "-1",
    "1.5",
    "1e3",
    "true",
    "false",
    "null",
    r#""""#,
    r#""0""#,
    r#""ip-dst""#,
    r#""a\u00e9\n\"b""#,
    r#""\ud800""#,
    r#""\x""#,
    r#""5c0ba7a0-0001-4000-8000-000000000001""#,
    r#""2026-01-01T00:00:00""#,
    r#""18446744073709551616""#,
    "9223372036854775808",
    "[]",
    r#"[{"name":"tlp:red"}]"#,
    r#"[{"name":"x","inherited":1,"numerical_value":"5"}]"#,
    r#"[{"date_sighting":"9","type":"0"}]"#,
    r#"[{"warninglist_id":"8"}]"#,
    "{}",
    r#"{"info":"x","orgc_id":"1","uuid":"5c0ba7a0-0001-4000-8000-000000000001","Tag":[{"name":"y"}]}"#,
    r#"{"a":{"b":[1,2]}}"#,
];

const SPACES: [&str; 4] = ["", " ", "\n\t", "\r\n  "];

/// A drawn field: its name, its value, the space around both, and a text for the value.
type Field<'a> = (u8, u8, u8, &'a str);

/// Returns one of these by a drawn byte.
fn one<'a>(of: &[&'a str], drawn: u8) -> &'a str {
    of[usize::from(drawn) % of.len()]
}

fn row(is_usable: bool, fields: &[Field<'_>]) -> String {
    let usable = is_usable.then(|| r#""id":"7","type":"ip-dst","value":"192.0.2.1""#.to_owned());
    let fields = fields.iter().map(|(name, value, space, text)| {
        let space = one(&SPACES, *space);
        // One of the values above in seven of eight cases, else the drawn text as it is.
        let value = if value % 8 == 7 { *text } else { one(&VALUES, *value / 8 * 7 + *value % 8) };
        format!("{space}\"{}\"{space}:{space}{value}{space}", one(&NAMES, *name))
    });
    let fields: Vec<String> = usable.into_iter().chain(fields).collect();
    format!("{{{}}}", fields.join(","))
}

fuzz_target!(|input: (u8, Vec<(bool, Vec<Field>)>)| {
    let (piece, rows) = input;
    let rows: Vec<String> = rows.iter().map(|(is_usable, fields)| row(*is_usable, fields)).collect();
    let body = format!(r#"{{"response": {{"Attribute": [{}]}}}}"#, rows.join(","));
    let expected = read(body.as_bytes());
    let (mut reader, mut seen) = (AttributeReader::new(), 0);
    let mut is_same = true;
    let mut take = |row: AttributeRow<'_>| {
        if let Some((rows, _)) = &expected {
            is_same &= rows.get(seen).is_some_and(|expected| AttributeRow::from(expected.clone()) == row);
        }
        seen += 1;
    };
    let mut pieces = body.as_bytes().chunks(usize::from(piece) + 1);
    let pushed = pieces.try_for_each(|piece| reader.push_rows(piece, &mut take));
    let is_whole = pushed.and_then(|()| reader.finish_rows(&mut take)).is_ok();
    assert_eq!(is_whole, expected.is_some(), "{body}");
    if let Some((rows, unusable)) = &expected {
        assert!(is_same && seen == rows.len() && reader.unusable() == *unusable, "{body}");
    }
});

fn read(body: &[u8]) -> Option<(Vec<Attribute>, u64)> {
    let (mut reader, mut rows) = (AttributeReader::new(), Vec::new());
    reader.push(body, &mut rows).ok()?;
    reader.finish(&mut rows).ok()?;
    Some((rows, reader.unusable()))
}
