//! Writes JSON the way PHP does: compact with escaped slashes for errors, four spaces for pages, our key order
//! everywhere.

/// A small page, in the order in which it is written.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// A number from the data base: in quotes, unless `stringify` is off.
    Number(u64),
    /// A number out of JSON that is kept in the data base: never in quotes.
    Decimal(f64),
    Text(String),
    Bool(bool),
    Null,
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Node {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

/// Returns an object with these keys in this order.
pub(crate) fn object<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Object(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

impl Node {
    /// Returns the page with four spaces of indentation, as most of MISP's pages come (fact 5).
    pub(crate) fn pretty(&self, stringify: bool) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, stringify, 0);
        out
    }

    /// Writes it as it stands inside an answer of a search: without white space.
    pub(crate) fn compact(&self, out: &mut Vec<u8>, stringify: bool) {
        let (brackets, entries): (&[u8; 2], Vec<(Option<&str>, &Self)>) = match self {
            Self::List(items) => (b"[]", items.iter().map(|item| (None, item)).collect()),
            Self::Object(entries) => (
                b"{}",
                entries.iter().map(|(key, value)| (Some(key.as_str()), value)).collect(),
            ),
            single => return single.write(out, stringify, 0),
        };
        out.push(brackets[0]);
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if let Some(key) = key {
                write_text(out, key);
                out.push(b':');
            }
            value.compact(out, stringify);
        }
        out.push(brackets[1]);
    }

    fn write(&self, out: &mut Vec<u8>, stringify: bool, depth: usize) {
        match self {
            Self::Number(number) => write_number(out, *number, stringify),
            Self::Decimal(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => write_text(out, text),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Null => out.extend_from_slice(b"null"),
            Self::List(items) => block(out, b"[]", items.len(), depth, |out, index| {
                items[index].write(out, stringify, depth + 1)
            }),
            Self::Object(entries) => block(out, b"{}", entries.len(), depth, |out, index| {
                let (key, value) = &entries[index];
                write_text(out, key);
                out.extend_from_slice(b": ");
                value.write(out, stringify, depth + 1);
            }),
        }
    }
}

fn block(
    out: &mut Vec<u8>,
    brackets: &[u8; 2],
    length: usize,
    depth: usize,
    mut item: impl FnMut(&mut Vec<u8>, usize),
) {
    out.push(brackets[0]);
    for index in 0..length {
        out.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        indent(out, depth + 1);
        item(out, index);
    }
    if length > 0 {
        out.push(b'\n');
        indent(out, depth);
    }
    out.push(brackets[1]);
}

fn indent(out: &mut Vec<u8>, depth: usize) {
    for _ in 0..depth {
        out.extend_from_slice(b"    ");
    }
}

/// Writes a number, in quotes when `stringify`.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u64, stringify: bool) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if stringify {
        out.push(b'"');
    }
    out.extend_from_slice(&digits[start..]);
    if stringify {
        out.push(b'"');
    }
}

/// Writes a string with its quotes; letters beyond ASCII and slashes as they are.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (place, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0x00..=0x1f => &[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ],
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..place]);
        out.extend_from_slice(escaped);
        written = place + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Returns the body of an error: `name` and `message` are the same text, slashes are escaped.
pub(crate) fn error(message: &str, url: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (lead, text) in [("{\"name\":", message), (",\"message\":", message), (",\"url\":", url)] {
        out.extend_from_slice(lead.as_bytes());
        let mut quoted = Vec::new();
        write_text(&mut quoted, text);
        for byte in quoted {
            if byte == b'/' {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            write_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn every_number_reads_back(number in any::<u64>()) {
            let mut out = Vec::new();
            write_number(&mut out, number, false);
            prop_assert_eq!(serde_json::from_slice::<u64>(&out).unwrap(), number);
        }
    }

    #[test]
    fn pages_have_four_spaces() {
        let page = object([
            ("a", 1.into()),
            ("b", Node::List(vec![])),
            ("c", Node::List(vec![true.into()])),
        ]);
        let want = "{\n    \"a\": \"1\",\n    \"b\": [],\n    \"c\": [\n        true\n    ]\n}";
        assert_eq!(String::from_utf8(page.pretty(true)).unwrap(), want);
    }

    #[test]
    fn errors_escape_slashes() {
        assert_eq!(
            error("No.", "/a/b"),
            br#"{"name":"No.","message":"No.","url":"\/a\/b"}"#
        );
    }
}
