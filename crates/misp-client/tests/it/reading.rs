//! For any bytes, cut anywhere: no panic, and the rows that another parser finds in the whole.

use misp_client::{Attribute, AttributeReader, ErrorKind};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Reads a body in pieces that end at these places.
fn read(body: &[u8], cuts: &[prop::sample::Index]) -> Result<(Vec<Attribute>, u64), ErrorKind> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let mut reader = AttributeReader::new();
    let mut rows = Vec::new();
    let mut from = 0;
    for to in ends {
        reader.push(&body[from..to], &mut rows).map_err(|error| error.kind())?;
        from = to;
    }
    reader.finish(&mut rows).map_err(|error| error.kind())?;
    Ok((rows, reader.unusable()))
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..12)
}

/// The document as another parser sees it; a skipped value may be one that no type can hold (`1e309`).
#[derive(Deserialize)]
struct Document {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "Attribute")]
    rows: Vec<IgnoredAny>,
}

/// Any JSON value, small.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e9_f64..1.0e9).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn row() -> impl Strategy<Value = Value> {
    (
        any::<u32>(),
        any::<bool>(),
        "[a-z|-]{1,12}",
        any::<String>(),
        json_value(),
        vec(any::<String>(), 0..3),
    )
        .prop_map(|(id, as_text, kind, value, other, tags)| {
            let id = if as_text { json!(id.to_string()) } else { json!(id) };
            let tags: Vec<Value> = tags
                .into_iter()
                .map(|name| json!({"name": name, "inherited": 1}))
                .collect();
            json!({"other": other, "id": id, "type": kind, "value": value, "Tag": tags})
        })
}

fn document() -> impl Strategy<Value = (Vec<u8>, Vec<Value>)> {
    (vec(prop_oneof![4 => row(), 1 => json_value().prop_map(|value| json!({"x": value}))], 0..8), json_value(), any::<bool>())
        .prop_map(|(rows, beside, pretty)| {
            let json = json!({"Other": beside.clone(), "response": {"Attribute": rows, "beside": beside.clone()}, "z": beside});
            let body = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) };
            (body.unwrap(), rows)
        })
}

fn expected(row: &Value) -> Option<(u64, String, String)> {
    let id = row.get("id")?;
    let id = id.as_u64().or_else(|| id.as_str()?.parse().ok())?;
    let value = row["value"].as_str().filter(|value| !value.is_empty())?;
    Some((id, row["type"].as_str()?.to_owned(), value.to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_pieces_do_not_matter(bytes in vec(any::<u8>(), 0..300), cuts in cuts()) {
        prop_assert_eq!(read(&bytes, &cuts).ok(), read(&bytes, &[]).ok());
    }

    #[test]
    fn arbitrary_json_like_bytes_never_panic(
        text in r#"\{?("response"|"Attribute"|"id"|[\[\]{},:"\\ ]|-?[0-9.eE]{1,3}|\\u[0-9a-fD]{4}|true|null){0,40}"#,
        cuts in cuts(),
    ) {
        let body = format!("{{\"response\":{{\"Attribute\":[{text}");
        prop_assert_eq!(read(body.as_bytes(), &cuts).ok(), read(body.as_bytes(), &[]).ok());
        prop_assert_eq!(read(text.as_bytes(), &cuts).ok(), read(text.as_bytes(), &[]).ok());
    }

    #[test]
    fn rows_are_those_that_another_parser_finds((body, rows) in document(), cuts in cuts()) {
        let (found, unusable) = read(&body, &cuts).unwrap();
        let wanted: Vec<_> = rows.iter().filter_map(expected).collect();
        prop_assert_eq!(unusable as usize, rows.len() - wanted.len());
        let found: Vec<_> = found.into_iter().map(|row| (row.id, row.kind, row.value)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn cut_document_is_never_an_answer((body, _) in document(), at in any::<prop::sample::Index>(), cuts in cuts()) {
        let at = at.index(body.len());
        prop_assert_eq!(read(&body[..at], &cuts).unwrap_err(), ErrorKind::CutShort);
    }

    #[test]
    fn document_with_one_wrong_byte_gives_what_another_parser_gives(
        (mut body, _) in document(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cuts in cuts(),
    ) {
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok((rows, unusable)) = read(&body, &cuts) {
            // Texts that are skipped need not be Unicode; everything else must be JSON.
            let text = String::from_utf8_lossy(&body);
            let document: Document = serde_json::from_str(&text).unwrap_or_else(|error| panic!("read, but not JSON: {error}"));
            let sent = document.response.rows.len();
            prop_assert_eq!(rows.len() + unusable as usize, sent);
        }
    }
}
