//! One YAML text as a tree in which every node knows its line and column.
//!
//! serde stops at the first error and its default message quotes neighbouring lines, secrets included. Here the events
//! of the YAML crate's parser become a small tree, so that the readers can report everything at once and decide
//! themselves what a plain `yes` or `0x10` means.

use std::collections::{HashMap, HashSet};

use serde_yaml::granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};
use zeroize::Zeroizing;

use crate::text_file;
use crate::word::shown_key;
use crate::{Place, Report, Wrong};

/// The most nodes of one file. A node behind an alias counts each time that the alias is used, which bounds an alias
/// bomb.
const MAX_NODES: usize = 100_000;
/// The deepest nesting of one file; our deepest file has five levels.
const MAX_DEPTH: usize = 32;

/// One value of a file with its place.
#[derive(Clone)]
pub struct Node {
    /// Its place.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// A value. It has no `Debug`: any text in it may be a secret.
#[derive(Clone)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys with their values, each key once.
    Map(Vec<Entry>),
}

/// A single value as it was written, with its escapes resolved.
#[derive(Clone)]
pub struct Scalar {
    /// The text; wiped from memory when dropped.
    pub text: Zeroizing<String>,
    /// Written without quotes, so that YAML may read a number, a boolean or nothing in it.
    pub plain: bool,
}

/// A key with its value.
#[derive(Clone)]
pub struct Entry {
    /// The key.
    pub key: Scalar,
    /// The place of the key.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Scalar {
    /// Returns a value as it would be written without quotes. In quotes, `""` is empty text.
    pub(crate) fn plain(text: &str) -> Self {
        let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        Self {
            text: Zeroizing::new(unquoted.unwrap_or(text).to_owned()),
            plain: unquoted.is_none(),
        }
    }
}

impl Node {
    /// Nodes in this tree, itself included.
    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::weight).sum(),
            Value::Map(entries) => entries.iter().map(|e| 1 + e.node.weight()).sum(),
        }
    }
}

/// Reads the file of the report as a tree. What keeps it from being one goes to the report.
#[must_use]
pub fn read(report: &mut Report) -> Option<Node> {
    match text_file::read_text(report.file()) {
        Ok(text) => read_text(&text, report),
        Err((place, wrong)) => {
            report.problem(place, "", wrong);
            None
        }
    }
}

/// Reads a text as a tree; a text without any value is a problem.
#[must_use]
pub fn read_text(text: &str, report: &mut Report) -> Option<Node> {
    let before = report.problems.len();
    let node = parse(text, report);
    let is_empty = match &node {
        None => true,
        Some(node) => matches!(&node.value, Value::Scalar(scalar) if crate::value::is_null(scalar)),
    };
    if is_empty && report.problems.len() == before {
        let instead = "write the keys of the example file";
        report.problem(Place::START, "", Wrong::new("the file is empty", instead));
    }
    node.filter(|_| !is_empty)
}

/// Reads the only document of `text`. Its problems go to `report`, and the result is `None`, except after duplicate
/// keys, of which the first one counts. `None` without a report means that the text is empty.
fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.emit_comments = false;
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let outcome = match event {
            Ok((event, span)) => tree.event(event, place(&span.start), report),
            Err(error) => Err(syntax(&error, text)),
        };
        if let Err((place, wrong)) = outcome {
            report.problem(place, "", wrong);
            return None;
        }
    }
    tree.root
}

type Fault = (Place, Wrong);

#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

/// A list or a map whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(Scalar, Place)>),
}

impl Tree {
    fn event(&mut self, event: Event<'_>, at: Place, report: &mut Report) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((
                        at,
                        Wrong::new(
                            "a second document begins here",
                            "remove the line `---`; one file is one document",
                        ),
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = scalar_is_plain(style, tag.as_deref(), at)?;
                let text = Zeroizing::new(text.into_owned());
                let value = Value::Scalar(Scalar { text, plain });
                self.finished(Node { place: at, value }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), at)?;
                self.begin(at, anchor, Content::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), at)?;
                self.begin(at, anchor, Content::Map(Vec::new(), None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let value = match open.content {
                    Content::List(items) => Value::List(items),
                    Content::Map(entries, _) => Value::Map(without_repeats(merged(entries), report)),
                };
                let place = open.place;
                self.finished(Node { place, value }, open.anchor)
            }
            Event::Alias(anchor) => {
                // Counted before it is copied: a bomb must not be built first.
                let weight = self.anchors.get(&anchor).map_or(0, Node::weight);
                self.count(weight, at)?;
                let Some(named) = self.anchors.get(&anchor) else {
                    return Err((at, alias_inside_itself()));
                };
                let node = Node {
                    place: at,
                    value: named.value.clone(),
                };
                self.put(node)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) {
        self.open.push(Open { place, anchor, content });
    }

    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.count(1, node.place)?;
        if anchor != 0 {
            self.count(node.weight(), node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node)
    }

    fn count(&mut self, nodes: usize, at: Place) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let what = format!("the file grows beyond {MAX_NODES} values here");
            return Err((at, Wrong::new(what, "write less, or no aliases (`*name`)")));
        }
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), Fault> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, pending)) => match pending.take() {
                Some((key, place)) => entries.push(Entry { key, place, node }),
                None => match node.value {
                    Value::Scalar(key) => *pending = Some((key, node.place)),
                    Value::List(_) | Value::Map(_) => {
                        return Err((
                            node.place,
                            Wrong::new("a list or a map stands as a key", "write a name as the key"),
                        ));
                    }
                },
            },
        }
        Ok(())
    }
}

/// Follows `<<: *name` as PyYAML does: a merged key never replaces one that is written out.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let is_merge = |e: &Entry| e.key.plain && e.key.text.as_str() == "<<";
    if !entries.iter().any(is_merge) {
        return entries;
    }
    let (merges, mut result): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_merge);
    let mut written: HashSet<String> = result.iter().map(|e| e.key.text.to_string()).collect();
    for merge in merges {
        let sources = match merge.node.value {
            Value::List(items) => items,
            value => vec![Node {
                place: merge.node.place,
                value,
            }],
        };
        for source in sources {
            if let Value::Map(inherited) = source.value {
                for entry in inherited {
                    if written.insert(entry.key.text.to_string()) {
                        result.push(entry);
                    }
                }
            }
        }
    }
    result
}

/// Reports keys that stand twice. PyYAML lets the last one win without a word.
fn without_repeats(entries: Vec<Entry>, report: &mut Report) -> Vec<Entry> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut unique = Vec::with_capacity(entries.len());
    for entry in entries {
        match seen.get(entry.key.text.as_str()) {
            Some(first) => report.problem(
                entry.place,
                shown_key(&entry.key.text),
                Wrong::new(format!("stands twice, first in line {first}"), "keep one of the two"),
            ),
            None => {
                seen.insert(entry.key.text.to_string(), entry.place.line);
                unique.push(entry);
            }
        }
    }
    unique
}

fn scalar_is_plain(style: ScalarStyle, tag: Option<&Tag>, at: Place) -> Result<bool, Fault> {
    match tag {
        None => Ok(style == ScalarStyle::Plain),
        Some(tag) if tag.is_yaml_core_schema_tag("str") => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(true),
        Some(_) => Err((at, foreign_tag())),
    }
}

fn collection_tag(tag: Option<&Tag>, at: Place) -> Result<(), Fault> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => Err((at, foreign_tag())),
        _ => Ok(()),
    }
}

fn foreign_tag() -> Wrong {
    Wrong::new("a value has a `!tag` of its own", "write the value without it")
}

fn alias_inside_itself() -> Wrong {
    Wrong::new("an alias stands inside what it names", "write the value out")
}

fn place(marker: &Marker) -> Place {
    Place {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(marker.col().saturating_add(1)).unwrap_or(u32::MAX),
    }
}

/// Returns the problem of the YAML parser in words of our own, which quote nothing of the file.
fn syntax(error: &ScanError, text: &str) -> Fault {
    let at = place(error.marker());
    if let Some(tab) = tab_indentation(text, at.line) {
        return (
            tab,
            Wrong::new(
                "a tab indents this line",
                "indent with spaces; YAML allows no tabs there",
            ),
        );
    }
    let wrong = match error.kind() {
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            Wrong::new("a quoted value does not end", "add the closing quote")
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping => {
            Wrong::new("a list or map in brackets does not end", "add the closing bracket")
        }
        ErrorKind::UnexpectedCharacter { .. } => Wrong::new(
            "a value begins with a character that YAML reserves",
            "put the value in quotes",
        ),
        ErrorKind::UnknownAnchor => Wrong::new(
            "an alias names nothing above it",
            "put a value that begins with `*` in quotes",
        ),
        ErrorKind::RecursionLimitExceeded => Wrong::new(
            "lists and maps are nested too deeply",
            "see the example files for the shape",
        ),
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => Wrong::new(
            "a backslash in double quotes begins no known escape",
            "use single quotes, or write the backslash twice",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::ExpectedBlockMappingKey | ErrorKind::MappingValueNotAllowed => {
            Wrong::new(
                "this line is not `key: value`, or its indentation does not fit the lines above",
                "write a space after the colon, indent as in the lines above, and put values that hold `: ` in quotes",
            )
        }
        _ => Wrong::new(
            "this is not valid YAML",
            "look at this line and the one above: indentation, quotes, brackets, a space after each colon",
        ),
    };
    (at, wrong)
}

/// Where a tab stands in the indentation of this line or of the one above it, where the parser may already have
/// stopped.
fn tab_indentation(text: &str, line: u32) -> Option<Place> {
    [line, line.saturating_sub(1), line.saturating_add(1)]
        .into_iter()
        .filter(|&line| line > 0)
        .find_map(|line| {
            let index = usize::try_from(line - 1).ok()?;
            let content = text.lines().nth(index)?;
            let column = content
                .chars()
                .take_while(|c| *c == ' ' || *c == '\t')
                .position(|c| c == '\t')?;
            let column = u32::try_from(column + 1).ok()?;
            Some(Place { line, column })
        })
}
