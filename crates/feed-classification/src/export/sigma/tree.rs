//! YAML as a tree that keeps the order of keys: read from any text, written in a form that every reader understands in
//! the same way.

use std::io::{self, Write};

use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle};

use crate::export::escape::yaml_str;

/// The most values of one text.
const MAX_NODES: usize = 20_000;
/// The deepest nesting; rules have about six levels.
const MAX_DEPTH: usize = 24;
/// The longest key. YAML itself ends at 1 024 characters.
const MAX_KEY_BYTES: usize = 512;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// Each key once.
    Map(Vec<(String, Node)>),
}

/// A text that is not a list of documents, or more than a rule needs.
#[derive(Debug)]
pub(super) struct NotYaml;

impl Node {
    /// Reads the documents of a text. Empty documents are skipped.
    ///
    /// # Errors
    /// If it is not YAML, or has aliases, tags, keys that are no text, or a key twice.
    pub(super) fn documents(text: &str) -> Result<Vec<Self>, NotYaml> {
        let mut options = Options::default();
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        options.emit_comments = false;
        let mut tree = Tree::default();
        for event in Parser::new_from_str_with_options(text, options) {
            tree.take(event.map_err(|_| NotYaml)?.0)?;
        }
        Ok(tree.documents)
    }

    /// Returns the value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns the text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Writes a document with its first line `---`.
    pub(super) fn write_document(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"---")?;
        self.write(0, out)
    }

    /// Writes the value behind a `:`, `-` or `---`, with its line end. Text on one line, collections below.
    fn write(&self, indentation: usize, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::List(items) if items.is_empty() => out.write_all(b" []\n"),
            Self::Map(entries) if entries.is_empty() => out.write_all(b" {}\n"),
            Self::List(items) => {
                out.write_all(b"\n")?;
                for item in items {
                    write!(out, "{:indentation$}-", "")?;
                    item.write(indentation + 2, out)?;
                }
                Ok(())
            }
            Self::Map(entries) => {
                out.write_all(b"\n")?;
                for (key, value) in entries {
                    write!(out, "{:indentation$}", "")?;
                    yaml_str(key, out)?;
                    out.write_all(b":")?;
                    value.write(indentation + 2, out)?;
                }
                Ok(())
            }
            Self::Null => out.write_all(b" null\n"),
            Self::Boolean(value) => writeln!(out, " {value}"),
            Self::Number(number) => writeln!(out, " {number}"),
            Self::Text(text) => {
                out.write_all(b" ")?;
                yaml_str(text, out)?;
                out.write_all(b"\n")
            }
        }
    }
}

#[derive(Debug, Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    nodes: usize,
}

/// A collection whose end has not come yet, and the key of the value that comes next.
#[derive(Debug)]
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), NotYaml> {
        match event {
            Event::Scalar(text, style, _, None) => self.put(scalar(text.into_owned(), style)),
            Event::SequenceStart(_, _, None) => {
                self.open.push(Open::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, _, None) => {
                self.open.push(Open::Map(Vec::new(), None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.put(Node::List(items)),
                Some(Open::Map(entries, _)) => self.put(Node::Map(entries)),
                None => Err(NotYaml),
            },
            // An alias would be written out, and a tag changes what a reader makes of the value.
            Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..)
            | Event::Alias(_)
            | Event::UnresolvedAlias(_) => Err(NotYaml),
            _ => Ok(()),
        }
    }

    fn put(&mut self, node: Node) -> Result<(), NotYaml> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || self.open.len() > MAX_DEPTH {
            return Err(NotYaml);
        }
        match self.open.last_mut() {
            None if node == Node::Null => {}
            None => self.documents.push(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => match (key.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, Node::Text(text)) => {
                    let is_taken = entries.iter().any(|(key, _)| *key == text);
                    if is_taken || text.len() > MAX_KEY_BYTES || text == "<<" {
                        return Err(NotYaml);
                    }
                    *key = Some(text);
                }
                (None, _) => return Err(NotYaml),
            },
        }
        Ok(())
    }
}

/// Reads a plain scalar as PyYAML does, with which the reference implementation of Sigma reads: `yes` is a boolean.
/// What PyYAML and others read in different ways (`0123`, `12:30:45`, dates) is text.
fn scalar(text: String, style: ScalarStyle) -> Node {
    if style != ScalarStyle::Plain {
        return Node::Text(text);
    }
    let is_one_of = |words: &[&str]| {
        let is_same = |word: &&str| text == *word || text == word.to_uppercase() || text == capitalised(word);
        words.iter().any(is_same)
    };
    if text.is_empty() || text == "~" || is_one_of(&["null"]) {
        Node::Null
    } else if is_one_of(&["true", "yes", "on"]) {
        Node::Boolean(true)
    } else if is_one_of(&["false", "no", "off"]) {
        Node::Boolean(false)
    } else if is_number(&text) {
        Node::Number(text)
    } else {
        Node::Text(text)
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|char| char.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// Returns whether every reader of YAML takes the text for the same number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        let is_short = (1..=15).contains(&hexadecimal.len());
        return is_short && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    match unsigned.split_once('.') {
        Some((before, behind)) => whole(before) && digits(behind),
        None => whole(unsigned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_NODES, Node};

    fn written(documents: &[Node]) -> String {
        let mut out = Vec::new();
        for document in documents {
            document.write_document(&mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_document_is_written_in_the_order_of_its_keys() {
        let text = "# comment\nb: {x: [1, yes, ~, 'yes'], y: []}\na: |\n  one\n  two\nd: 2024-01-01\nn: 0x1410\n";
        let documents = Node::documents(text).unwrap();
        let expected = "---\nb:\n  x:\n    - 1\n    - true\n    - null\n    - 'yes'\n  'y': []\na: \"one\\ntwo\\n\"\nd: '2024-01-01'\n'n': 0x1410\n";
        assert_eq!(written(&documents), expected);
        assert_eq!(Node::documents(expected).unwrap(), documents);
    }

    #[test]
    fn what_readers_understand_differently_is_refused() {
        for text in [
            "a: 1\na: 2",
            "a: &x 1\nb: *x",
            "a: !!binary aGk=",
            "a: !x 1",
            "1: a",
            "? [a]\n: b",
            "a: [",
            "a:\n\t- b",
            "<<: {a: b}",
        ] {
            assert!(Node::documents(text).is_err(), "{text:?}");
        }
        let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
        assert!(Node::documents(&deep).is_err());
        assert!(Node::documents(&format!("[{}]", "a,".repeat(30_000))).is_err());
    }

    #[test]
    fn a_text_may_have_twenty_thousand_values() {
        let list = |values: usize| format!("[{}]", "a,".repeat(values));
        // The list is one more.
        assert!(Node::documents(&list(MAX_NODES - 1)).is_ok());
        assert!(Node::documents(&list(MAX_NODES)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(text in "([a-c]|[-:?,{}\\[\\]\"'|>#&*!% \\n\\t]|[0-9.]|yes|---|é){0,40}") {
            if let Ok(documents) = Node::documents(&text) {
                let again = written(&documents);
                prop_assert_eq!(Node::documents(&again).unwrap(), documents, "{}", again);
            }
        }
    }
}
