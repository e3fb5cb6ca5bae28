//! One YAML text as a tree in which every node knows its place.
//!
//! serde stops at the first error, so the text becomes a tree first: then all that is wrong with it can be said at once.

use std::collections::{HashMap, HashSet};

use serde_yaml::granit_parser::{Event, Marker, Options, Parser, ScalarStyle};

use crate::{Place, Report};

/// Nodes of one file, those behind aliases counted as often as they are used: what bounds an alias bomb.
const MAX_NODES: usize = 100_000;

/// Nesting in one file; the deepest of ours is five.
const MAX_DEPTH: usize = 32;

/// No `Debug`: any text in here may be a secret.
#[derive(Clone)]
pub(crate) struct Node {
    /// Tells nodes apart; copies behind an alias have the number of what they are a copy of.
    pub(crate) id: usize,
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone)]
pub(crate) enum Value {
    /// A single value as it was written, and whether it stands without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// Returns whether nothing stands here: `key:`, `key: ~` or `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(..) => 0,
            Value::List(items) => items.iter().map(Self::weight).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.weight()).sum(),
        }
    }
}

/// Reads the only document of `text`. What is wrong with its form goes to the report; then there is no tree, except after a key that
/// stands twice, of which the first one counts.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.emit_comments = false;
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        // The parser's own messages quote nothing of the file.
        let outcome = match event {
            Ok((event, span)) => tree.event(event, place(&span.start), report),
            Err(error) => Err((
                place(error.marker()),
                format!("this is not valid YAML: {}", error.info()),
            )),
        };
        if let Err((place, what)) = outcome {
            let instead =
                "look at this line and the one above: indentation, quotes, brackets, a space after each colon";
            report.wrong(place, "", what, instead);
            return None;
        }
    }
    if tree.root.is_none() {
        report.wrong(Place::START, "", "the file is empty", "write `key: value` lines");
    }
    tree.root
}

fn place(marker: &Marker) -> Place {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Place::new(number(marker.line()), number(marker.col()).saturating_add(1))
}

type Fault = (Place, String);

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
    Map(Vec<Entry>, Option<(String, Place)>),
}

impl Tree {
    fn event(&mut self, event: Event<'_>, at: Place, report: &mut Report) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err((
                        at,
                        "a second document begins here, and one file is one document".to_owned(),
                    )),
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                self.finished(at, value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(at, anchor, Content::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(at, anchor, Content::Map(Vec::new(), None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let value = match open.content {
                    Content::List(items) => Value::List(items),
                    Content::Map(entries, _) => Value::Map(without_repeats(merged(entries), report)),
                };
                self.finished(open.place, value, open.anchor)
            }
            Event::Alias(anchor) => {
                // Counted before it is copied: a bomb must not be built first.
                let weight = self.anchors.get(&anchor).map_or(0, Node::weight);
                self.count(weight, at)?;
                let inside_itself = || (at, "an alias stands inside what it names".to_owned());
                let named = self.anchors.get(&anchor).cloned().ok_or_else(inside_itself)?;
                self.put(Node { place: at, ..named })
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) {
        self.open.push(Open { place, anchor, content });
    }

    fn finished(&mut self, place: Place, value: Value, anchor: usize) -> Result<(), Fault> {
        self.count(1, place)?;
        let node = Node {
            id: self.nodes,
            place,
            value,
        };
        if anchor != 0 {
            self.count(node.weight(), place)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node)
    }

    fn count(&mut self, nodes: usize, at: Place) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        match self.nodes {
            0..=MAX_NODES => Ok(()),
            _ => Err((at, format!("the file grows beyond {MAX_NODES} values here"))),
        }
    }

    fn put(&mut self, node: Node) -> Result<(), Fault> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, pending)) => match (pending.take(), node.value) {
                (Some((key, place)), value) => entries.push(Entry {
                    key,
                    place,
                    node: Node { value, ..node },
                }),
                (None, Value::Scalar(key, _)) => *pending = Some((key, node.place)),
                (None, _) => return Err((node.place, "a list or a map stands as a key".to_owned())),
            },
        }
        Ok(())
    }
}

/// Follows `<<: *name`: what is merged in never replaces what is written out.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let (merges, mut result): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
    for merge in merges {
        let sources = match merge.node.value {
            Value::List(items) => items.into_iter().map(|item| item.value).collect(),
            value => vec![value],
        };
        for source in sources {
            let Value::Map(inherited) = source else { continue };
            let written: HashSet<String> = result.iter().map(|entry| entry.key.clone()).collect();
            result.extend(inherited.into_iter().filter(|entry| !written.contains(&entry.key)));
        }
    }
    result
}

/// Reports keys that stand twice in one map, and keeps the first one.
fn without_repeats(entries: Vec<Entry>, report: &mut Report) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut unique = Vec::with_capacity(entries.len());
    for entry in entries {
        if seen.insert(entry.key.clone()) {
            unique.push(entry);
        } else {
            report.wrong(
                entry.place,
                &crate::word::shown_key(&entry.key),
                "the key stands twice",
                "keep one of the two",
            );
        }
    }
    unique
}
