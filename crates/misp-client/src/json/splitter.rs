//! Cuts the rows out of a JSON document that arrives in pieces.
//!
//! A document is walked down to one list (`response` → `Attribute`), whose elements become rows one by one; everything
//! beside that way is checked to be JSON and skipped. It keeps only unread bytes, so it uses the memory
//! that of one element and one piece. The document must end cleanly: [`Splitter::finish`] says so.

use serde::de::{DeserializeOwned, IgnoredAny};

/// The most that one element, key or skipped value may take by default: 16 MiB. MISP's largest values are rule texts
/// and samples.
const MAX_ELEMENT: usize = 16 << 20;

/// An element of a list in an answer.
pub(crate) trait Row: Sized {
    /// The shape on the wire.
    type Raw: DeserializeOwned;

    /// Makes the row; none when a required field is missing.
    fn from_raw(raw: Self::Raw) -> Option<Self>;

    /// Makes the row out of an element that is JSON but not of that shape, for example because of a lone surrogate in a
    /// text that the row can do without; none by default.
    fn from_odd(_element: &[u8]) -> Option<Self> {
        None
    }
}

/// What an element of the list is.
pub(crate) enum Element {
    /// It has so many bytes and was taken.
    Taken(usize),
    /// It is JSON of so many bytes, and cannot be used.
    Unusable(usize),
    /// The bytes end before it does.
    Unfinished,
}

/// Takes the elements of the list one by one.
pub(crate) trait Elements {
    /// Looks at the element that begins at the first byte.
    fn next(&mut self, bytes: &[u8]) -> Result<Element, SplitError>;
}

/// Collects the rows.
impl<T: Row> Elements for Vec<T> {
    fn next(&mut self, bytes: &[u8]) -> Result<Element, SplitError> {
        let (row, length) = match value_at::<T::Raw>(bytes) {
            Ok(None) => return Ok(Element::Unfinished),
            Ok(Some((raw, length))) => (T::from_raw(raw), length),
            // Either it is not JSON, or it is and cannot be held: a lone surrogate, a field of an impossible shape.
            Err(_) => match value_at::<IgnoredAny>(bytes)? {
                None => return Ok(Element::Unfinished),
                Some((IgnoredAny, length)) => (bytes.get(..length).and_then(T::from_odd), length),
            },
        };
        Ok(match row {
            Some(row) => {
                self.push(row);
                Element::Taken(length)
            }
            None => Element::Unusable(length),
        })
    }
}

/// Why a document is not the expected list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitError {
    /// It ended before it was whole.
    CutShort,
    /// It breaks the grammar of JSON, `at` this byte of the document at the earliest.
    NotJson { at: u64 },
    /// It is JSON, but of another shape.
    Shape(&'static str),
    /// One element is larger than the bound.
    TooLarge,
}

/// Where in the document the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The value on the way to the list, `depth` objects down.
    OnWay,
    /// The inside of the list that stands where an object of the way should: nothing but its end.
    EndOfEmpty,
    /// A key, or the end of an object without any.
    FirstKey,
    /// A key after a comma.
    Key,
    /// The colon after a key, and whether the value behind it is on the way.
    Colon { on_way: bool },
    /// A value beside the way.
    Skipped,
    /// A comma, or the end of the object.
    AfterMember,
    /// An element, or the end of a list without any.
    FirstElement,
    /// An element after a comma.
    Element,
    /// A comma, or the end of the list.
    AfterElement,
    /// A document that is one bare number, text or word; it is JSON at best.
    Scalar,
    /// Nothing but white space.
    End,
}

/// What one look at the bytes at hand led to.
enum Step {
    /// So many bytes are done with.
    Took(usize),
    /// The bytes at hand end before the thing does.
    NeedMore,
}

/// Takes the pieces of one document, gives its rows.
#[derive(Debug)]
pub(crate) struct Splitter {
    way: &'static [&'static str],
    depth: usize,
    expect: Expect,
    found: bool,
    pending: Vec<u8>,
    /// Bytes of the document before `pending`.
    done: u64,
    /// Do not look again before `pending` has this many bytes: keeps the cost of a large element linear.
    look_at: usize,
    unusable: u64,
    rows: u64,
    max_element: usize,
}

impl Splitter {
    /// Expects the list at the end of this way of keys; an empty way means that the document is the list.
    pub(crate) fn new(way: &'static [&'static str]) -> Self {
        Self {
            way,
            depth: 0,
            expect: Expect::OnWay,
            found: false,
            pending: Vec::new(),
            done: 0,
            look_at: 0,
            unusable: 0,
            rows: 0,
            max_element: MAX_ELEMENT,
        }
    }

    /// Sets how many bytes one element, key or skipped value may take.
    pub(crate) fn with_max_element(mut self, bytes: usize) -> Self {
        self.max_element = bytes;
        self
    }

    /// Returns how many elements were JSON but could not be used.
    pub(crate) fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Returns how many elements the list has had so far, usable or not.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the next piece of the document and adds the rows that it completes to `out`.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut impl Elements) -> Result<(), SplitError> {
        self.pending.extend_from_slice(piece);
        if self.pending.len() < self.look_at {
            return Ok(());
        }
        self.read_on(out)
    }

    /// Ends the document, and adds the rows that were still held back.
    pub(crate) fn finish(&mut self, out: &mut impl Elements) -> Result<(), SplitError> {
        self.read_on(out)?;
        match self.expect {
            Expect::End => Ok(()),
            Expect::Scalar if serde_json::from_slice::<IgnoredAny>(&self.pending).is_ok() => {
                Err(SplitError::Shape("a bare value in place of a list"))
            }
            Expect::Scalar => Err(self.not_json(0)),
            _ => Err(SplitError::CutShort),
        }
    }

    fn read_on(&mut self, out: &mut impl Elements) -> Result<(), SplitError> {
        let pending = std::mem::take(&mut self.pending);
        let mut at = 0;
        let outcome = loop {
            let rest = pending.get(at..).unwrap_or_default();
            let space = rest
                .iter()
                .position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            at += space;
            let rest = rest.get(space..).unwrap_or_default();
            let Some(&first) = rest.first() else {
                break Ok(());
            };
            match self.step(first, rest, out) {
                Ok(Step::Took(n)) => at += n,
                Ok(Step::NeedMore) if rest.len() > self.max_element => break Err(SplitError::TooLarge),
                Ok(Step::NeedMore) => break Ok(()),
                Err(SplitError::NotJson { at: inner }) => {
                    break Err(self.not_json(at as u64 + inner));
                }
                Err(error) => break Err(error),
            }
        };
        self.done += at as u64;
        self.pending = pending;
        self.pending.drain(..at);
        self.look_at = self.pending.len() * 2;
        outcome
    }

    fn not_json(&self, at: u64) -> SplitError {
        SplitError::NotJson { at: self.done + at }
    }

    fn step(&mut self, first: u8, rest: &[u8], out: &mut impl Elements) -> Result<Step, SplitError> {
        let took = |splitter: &mut Self, expect| {
            splitter.expect = expect;
            Ok(Step::Took(1))
        };
        match (self.expect, first) {
            (Expect::OnWay, _) => self.enter(first),
            (Expect::EndOfEmpty, b']') => {
                self.found = true;
                let next = self.after_value();
                took(self, next)
            }
            (Expect::EndOfEmpty, _) => Err(SplitError::Shape("a list where an object was expected")),
            (Expect::FirstKey | Expect::AfterMember, b'}') => self.leave_object(),
            (Expect::AfterMember, b',') => took(self, Expect::Key),
            (Expect::FirstKey | Expect::Key, b'"') => self.key(rest),
            (Expect::Colon { on_way: true }, b':') => took(self, Expect::OnWay),
            (Expect::Colon { on_way: false }, b':') => took(self, Expect::Skipped),
            (Expect::Skipped, _) => self.skip(first, rest),
            (Expect::FirstElement | Expect::AfterElement, b']') => {
                self.found = true;
                let next = self.after_value();
                took(self, next)
            }
            (Expect::AfterElement, b',') => took(self, Expect::Element),
            (Expect::FirstElement | Expect::Element, b'{') => self.element(rest, out),
            (Expect::FirstElement | Expect::Element, b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                Err(SplitError::Shape("an element that is not an object"))
            }
            // Held until the end of the document, which shows whether it is one word of JSON.
            (Expect::Scalar, _) if rest.len() > 4_096 => Err(SplitError::NotJson { at: 0 }),
            (Expect::Scalar, _) => Ok(Step::NeedMore),
            _ => Err(SplitError::NotJson { at: 0 }),
        }
    }

    /// Goes one level down, to the list itself or to the next object on the way.
    fn enter(&mut self, first: u8) -> Result<Step, SplitError> {
        let at_list = self.depth == self.way.len();
        self.expect = match first {
            b'[' if at_list => Expect::FirstElement,
            b'{' if !at_list => {
                self.depth += 1;
                Expect::FirstKey
            }
            // What MISP sends for "nothing" on its event pages: `{"response": []}`.
            b'[' if self.depth > 0 => Expect::EndOfEmpty,
            b'[' => return Err(SplitError::Shape("a list where an object was expected")),
            b'{' => return Err(SplitError::Shape("an object where a list was expected")),
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if self.depth == 0 => {
                self.expect = Expect::Scalar;
                return Ok(Step::Took(0));
            }
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                return Err(SplitError::Shape("a bare value in place of a list"));
            }
            _ => return Err(SplitError::NotJson { at: 0 }),
        };
        Ok(Step::Took(1))
    }

    fn after_value(&self) -> Expect {
        if self.depth == 0 {
            Expect::End
        } else {
            Expect::AfterMember
        }
    }

    fn leave_object(&mut self) -> Result<Step, SplitError> {
        if !self.found {
            return Err(SplitError::Shape("no list of rows in it"));
        }
        self.depth -= 1;
        self.expect = self.after_value();
        Ok(Step::Took(1))
    }

    fn key(&mut self, rest: &[u8]) -> Result<Step, SplitError> {
        let Some((key, length)) = value_at::<String>(rest)? else {
            return Ok(Step::NeedMore);
        };
        let on_way = self.way.get(self.depth - 1).is_some_and(|wanted| *wanted == key);
        if on_way && self.found {
            return Err(SplitError::Shape("the list of rows twice"));
        }
        self.expect = Expect::Colon { on_way };
        Ok(Step::Took(length))
    }

    fn skip(&mut self, first: u8, rest: &[u8]) -> Result<Step, SplitError> {
        let Some((IgnoredAny, length)) = value_at(rest)? else {
            return Ok(Step::NeedMore);
        };
        // A number or a word may go on in the next piece.
        if length == rest.len() && !matches!(first, b'{' | b'[' | b'"') {
            return Ok(Step::NeedMore);
        }
        self.expect = Expect::AfterMember;
        Ok(Step::Took(length))
    }

    fn element(&mut self, rest: &[u8], out: &mut impl Elements) -> Result<Step, SplitError> {
        let (length, is_usable) = match out.next(rest)? {
            Element::Unfinished => return Ok(Step::NeedMore),
            Element::Taken(length) => (length, true),
            Element::Unusable(length) => (length, false),
        };
        if length > self.max_element {
            return Err(SplitError::TooLarge);
        }
        self.rows += 1;
        self.unusable += u64::from(!is_usable);
        self.expect = Expect::AfterElement;
        Ok(Step::Took(length))
    }
}

/// Reads the value that begins at the first byte, with its length; none when the bytes end before it does.
fn value_at<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, SplitError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok(Some((value, values.byte_offset()))),
        Some(Err(error)) if error.is_eof() => Ok(None),
        // A number that is cut behind its sign, point or exponent is a bad number to serde, not an end.
        Some(Err(_)) if matches!(bytes.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E')) => Ok(None),
        Some(Err(_)) => Err(SplitError::NotJson { at: 0 }),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

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
        let json =
            format!(r#"{{"x":{deep},"response":{{"Attribute":[{{"n":1,"y":{deep}}},{{"n":{deep}}},{{"n":2}}]}}}}"#);
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
}
