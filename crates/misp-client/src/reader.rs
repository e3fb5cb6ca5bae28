//! Reads the body of a search's answer without any network.

use crate::attribute::WholeAttribute;
use crate::endpoints::attributes;
use crate::json::{Element, Elements, SplitError, Splitter};
use crate::row_scan::{RowMemory, Stop, scan_row};
use crate::{Attribute, AttributeRow, Error};

/// Reads one page of `POST /attributes/restSearch` from pieces of its body, as
/// [`AttributePages`](crate::AttributePages) does.
///
/// For answers that were saved to a file, and for measuring. It holds only the bytes that are not a row yet.
///
/// ```
/// # fn main() -> Result<(), misp_client::Error> {
/// let mut reader = misp_client::AttributeReader::new();
/// let mut rows = Vec::new();
/// reader.push(br#"{"response": {"Attribute": [{"id":"7","type":"ip-d"#, &mut rows)?;
/// reader.push(br#"st","value":"192.0.2.1","to_ids":true}]}}"#, &mut rows)?;
/// reader.finish(&mut rows)?;
/// assert_eq!(rows[0].value, "192.0.2.1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AttributeReader {
    splitter: Splitter,
    keeps_extra: bool,
    memory: RowMemory,
}

impl Default for AttributeReader {
    fn default() -> Self {
        Self::new()
    }
}

impl AttributeReader {
    /// Starts at the beginning of a body.
    #[must_use]
    pub fn new() -> Self {
        Self {
            splitter: Splitter::new(attributes::ROWS),
            keeps_extra: false,
            memory: RowMemory::default(),
        }
    }

    /// Fills [`Attribute::extra`] too, which takes about twice as long.
    #[must_use]
    pub fn keep_extra(mut self, keep: bool) -> Self {
        self.keeps_extra = keep;
        self
    }

    /// Takes the next piece of the body and adds the rows that it completes to `rows`.
    ///
    /// # Errors
    /// [`NotJson`](crate::ErrorKind::NotJson), [`UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) for JSON of
    /// another shape, [`TooLarge`](crate::ErrorKind::TooLarge) for an element over 16 MiB. The rows so far are then not
    /// an answer.
    pub fn push(&mut self, piece: &[u8], rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.read(
            rows,
            |splitter, out| splitter.push(piece, out),
            |splitter, out| splitter.push(piece, out),
        )
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`CutShort`](crate::ErrorKind::CutShort) when the document is not at its end.
    pub fn finish(&mut self, rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.read(rows, Splitter::finish, Splitter::finish)
    }

    /// Takes the next piece of the body and shows the rows that it completes to `take`, each where it lies.
    /// [`Attribute::extra`] is not read then. Use either this or [`push`](Self::push) for a body.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_rows(&mut self, piece: &[u8], take: impl FnMut(AttributeRow<'_>)) -> Result<(), Error> {
        let memory = &mut self.memory;
        self.splitter
            .push(piece, &mut Rows { memory, take })
            .map_err(attributes::error)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_rows(&mut self, take: impl FnMut(AttributeRow<'_>)) -> Result<(), Error> {
        let memory = &mut self.memory;
        self.splitter
            .finish(&mut Rows { memory, take })
            .map_err(attributes::error)
    }

    /// Returns how many rows there were so far, unusable ones included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.splitter.rows()
    }

    /// Returns how many rows were JSON, but without an id, a type or a value that can be held.
    #[must_use]
    pub fn unusable(&self) -> u64 {
        self.splitter.unusable()
    }

    fn read(
        &mut self,
        rows: &mut Vec<Attribute>,
        plain: impl FnOnce(&mut Splitter, &mut Vec<Attribute>) -> Result<(), SplitError>,
        whole: impl FnOnce(&mut Splitter, &mut Vec<WholeAttribute>) -> Result<(), SplitError>,
    ) -> Result<(), Error> {
        if !self.keeps_extra {
            return plain(&mut self.splitter, rows).map_err(attributes::error);
        }
        let mut with_extra = Vec::new();
        let outcome = whole(&mut self.splitter, &mut with_extra);
        rows.extend(with_extra.into_iter().map(|row| row.0));
        outcome.map_err(attributes::error)
    }
}

/// Shows rows where they lie.
struct Rows<'s, F> {
    memory: &'s mut RowMemory,
    take: F,
}

impl<F: FnMut(AttributeRow<'_>)> Elements for Rows<'_, F> {
    fn next(&mut self, bytes: &[u8]) -> Result<Element, SplitError> {
        match scan_row(bytes, self.memory) {
            Ok((row, length)) => {
                (self.take)(row);
                Ok(Element::Taken(length))
            }
            Err(Stop::End) => Ok(Element::Unfinished),
            Err(Stop::Odd) => {
                let mut attributes: Vec<Attribute> = Vec::new();
                let element = attributes.next(bytes)?;
                attributes.into_iter().map(AttributeRow::from).for_each(&mut self.take);
                Ok(element)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body gives: its rows and the number of unusable ones, or that it is refused.
    type Outcome = Option<(Vec<AttributeRow<'static>>, u64)>;

    fn as_attributes(body: &[u8]) -> Outcome {
        let (mut reader, mut rows) = (AttributeReader::new(), Vec::new());
        reader.push(body, &mut rows).ok()?;
        reader.finish(&mut rows).ok()?;
        Some((rows.into_iter().map(AttributeRow::from).collect(), reader.unusable()))
    }

    fn as_rows(body: &[u8], piece: usize) -> Outcome {
        let (mut reader, mut rows) = (AttributeReader::new(), Vec::new());
        let mut take = |row: AttributeRow<'_>| rows.push(owned(row));
        for piece in body.chunks(piece) {
            reader.push_rows(piece, &mut take).ok()?;
        }
        reader.finish_rows(&mut take).ok()?;
        Some((rows, reader.unusable()))
    }

    fn owned(row: AttributeRow<'_>) -> AttributeRow<'static> {
        AttributeRow {
            kind: row.kind.into_owned().into(),
            category: row.category.into_owned().into(),
            value: row.value.into_owned().into(),
            ..row
        }
    }

    fn assert_same(body: &[u8]) {
        let expected = as_attributes(body);
        for piece in [body.len().max(1), 7, 64] {
            let text = String::from_utf8_lossy(body);
            assert_eq!(as_rows(body, piece), expected, "in pieces of {piece}: {text}");
        }
    }

    const ROW: &str = r#"{"id":"7","event_id":"3","object_id":"0","object_relation":null,"category":"Network activity",
        "type":"url","to_ids":true,"uuid":"a0000000-0000-4000-8000-000000000001","timestamp":"1786836896","distribution":"5",
        "sharing_group_id":"0","comment":"\u201cx\u201d","deleted":false,"disable_correlation":false,"first_seen":null,
        "last_seen":"2026-11-21T18:36:16.123456+00:00","value":"http:\/\/a.example\/\u00fc","Event":{"org_id":"1","info":"I",
        "id":"3","uuid":"e0000000-0000-4000-8000-000000000001","publish_timestamp":"1786836956"},
        "Tag":[{"id":"2","name":"block","numerical_value":null,"local":false},{"name":"tlp:red","inherited":1}]}"#;

    fn body(rows: &[&str]) -> Vec<u8> {
        format!(r#"{{"response": {{"Attribute": [{}]}}}}"#, rows.join(",")).into_bytes()
    }

    #[test]
    fn a_row_where_it_lies_is_the_attribute() {
        let rows = as_rows(&body(&[ROW, ROW]), 4_096).unwrap().0;
        let row = rows.first().unwrap();
        assert_eq!(
            (&*row.value, row.last_seen),
            ("http://a.example/ü", Some(1_795_286_176))
        );
        assert!(row.has_tag("block") && row.event.info.as_deref() == Some("I"));
        assert!(rows.iter().all(|row| std::sync::Arc::ptr_eq(&row.tags, &rows[0].tags)));
        assert_same(&body(&[ROW, ROW]));
    }

    #[test]
    fn unusual_rows_are_the_same_both_ways() {
        for (from, to) in [
            (r#""id":"7""#, r#""id":7"#),
            (r#""id":"7""#, r#""id":" 7 ""#),
            (r#""id":"7""#, r#""id":"07""#),
            (r#""id":"7""#, r#""id":-7"#),
            (r#""id":"7""#, r#""id":7.5"#),
            (r#""id":"7""#, r#""id":"9223372036854775808""#),
            (r#""id":"7""#, r#""id":"18446744073709551616""#),
            (r#""id":"7""#, r#""id":9223372036854775807"#),
            (r#""id":"7""#, r#""id":9223372036854775808"#),
            (r#""id":"7""#, r#""id":18446744073709551616"#),
            (r#""id":"7""#, r#""id" : 7"#),
            (r#""id":"7","#, ""),
            (r#""id":"7""#, r#""id":"7","id":"8""#),
            (r#""comment":"#, r#""comment":"","comment":"#),
            (r#"\u201cx"#, r#"\ud800"#),
            (r#"\u201cx"#, r#"\x"#),
            (r#"\u201cx"#, r#"\u20"#),
            (r#"\u00fc"#, r#"\ud800"#),
            (r#"\u00fc"#, r#"\ud83d\ude00"#),
            (r#"\u00fc"#, r#"\ude00\ud83d"#),
            (r#"\u00fc"#, r#"\ud83d\u00fc"#),
            (r#"\u00fc"#, r#"\u0000"#),
            (r#"\u00fc"#, "\u{1}"),
            (r#""value":"#, r#""\u0076alue":"#),
            (r#""value":"#, r#""other":"#),
            (r#""type":"url""#, r#""type":"""#),
            (r#""type":"url""#, r#""type":null"#),
            (r#""type":"url""#, r#""type":17"#),
            (r#""to_ids":true"#, r#""to_ids":"1""#),
            (r#""to_ids":true"#, r#""to_ids":tru"#),
            (r#""deleted":false"#, r#""deleted":1"#),
            (r#""uuid":"a0000000"#, r#""uuid":"b"#),
            (r#""distribution":"5""#, r#""distribution":{"a":[1]}"#),
            (r#""sharing_group_id":"0""#, r#""sharing_group_id":01"#),
            (r#""sharing_group_id":"0""#, r#""Galaxy":[{"x":[]}]"#),
            (
                r#""sharing_group_id":"0""#,
                r#""Sighting":[{"date_sighting":"9","type":"0"}]"#,
            ),
            (r#""sharing_group_id":"0""#, r#""warnings":[{"warninglist_id":"8"}]"#),
            (r#""last_seen":"2026"#, r#""last_seen":"x"#),
            (r#""last_seen":"2026-11-21T18:36:16.123456+00:00""#, r#""last_seen":"""#),
            (
                r#""org_id":"1""#,
                r#""org_id":[],"Tag":[{"name":"block"},{"name":"green"}]"#,
            ),
            (r#""info":"I""#, r#""info":"\ud800""#),
            (r#""event_id":"3","#, ""),
            (r#""event_id":"3""#, r#""event_id":null"#),
            (r#""name":"block""#, r#""name":"\ud800""#),
            (r#""name":"block""#, r#""name":null"#),
            (r#""Tag":["#, r#""Tag":null,"Tags":["#),
            (r#""Tag":["#, r#""Tag":{},"Tags":["#),
            (r#""Event":{"#, r#""Event":[],"Events":{"#),
            (r#""Event":{"#, r#""Event":null,"Events":{"#),
        ] {
            let other = ROW.replace(from, to);
            assert_ne!(other, ROW, "{from}");
            assert_same(&body(&[ROW, &other, ROW]));
        }
    }

    #[test]
    fn rows_with_their_fields_in_another_order_are_the_same_both_ways() {
        let short = r#"{"value":"192.0.2.1","type":"ip-dst","id":7}"#;
        let long = ROW.replace(r#""id":"7""#, r#""a":"","b":null,"c":0,"d":[],"e":true,"id":"7""#);
        let inside = ROW.strip_prefix('{').and_then(|row| row.strip_suffix('}')).unwrap();
        let fields: Vec<&str> = inside.split(",\"").collect();
        let (head, last) = fields.split_at(10);
        let turned = format!("{{\"{},{}}}", last.join(",\""), head.join(",\""));
        assert!(serde_json::from_str::<serde_json::Value>(&turned).is_ok(), "{turned}");
        let rows = [
            ROW, &turned, ROW, short, short, &long, ROW, &long, &turned, &turned, short, ROW,
        ];
        assert_eq!(as_rows(&body(&rows), 4_096).unwrap().0.len(), rows.len());
        assert_same(&body(&rows));
    }

    #[test]
    fn a_byte_that_is_another_one_makes_no_difference_between_the_ways() {
        let whole = body(&[ROW, ROW]);
        for at in 0..whole.len() {
            for byte in *b"\"\\,:{}[]0a \xff\x01" {
                let mut other = whole.clone();
                other[at] = byte;
                assert_eq!(
                    as_rows(&other, 4_096),
                    as_attributes(&other),
                    "{}",
                    String::from_utf8_lossy(&other)
                );
            }
            assert_eq!(as_rows(&whole[..at], 4_096), None, "cut at {at}");
        }
    }
}
