//! A tree read into a struct by serde: a value that cannot be read is reported and left out, and the reading goes on without it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::tree::{Entry, Node, Value};
use crate::word::{closest, shown, shown_key, suggestion};
use crate::{Place, Report, spanned};

/// More than this many problems are no help.
const MAX_PROBLEMS: usize = 50;

/// The name of a field that gets the names of all keys of its map that something was said about already.
const TOLD: &str = "$told";

/// Returns what the tree says, without what cannot be read.
pub(crate) fn read<T: DeserializeOwned>(root: &Node, report: &mut Report) -> Option<T> {
    let mut skipped = HashSet::new();
    let mut unknown = HashSet::new();
    for _ in 0..MAX_PROBLEMS {
        let reading = Reading {
            skipped: &skipped,
            unknown: RefCell::new(Vec::new()),
        };
        let place = At {
            node: root,
            key: "",
            reading: &reading,
        };
        let outcome = T::deserialize(place);
        for key in reading.unknown.into_inner() {
            if unknown.insert((key.place.line(), key.place.column())) {
                report.wrong(key.place, &key.shown, "the key is not known", key.instead);
            }
        }
        let fault = match outcome {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let (id, place) = fault.node.unwrap_or((root.id, root.place));
        if !fault.is_told {
            report.wrong(place, &fault.key, fault.what, fault.instead);
        }
        if id == root.id || !skipped.insert(id) {
            return None;
        }
    }
    None
}

struct Reading<'r> {
    /// Nodes that cannot be read.
    skipped: &'r HashSet<usize>,
    unknown: RefCell<Vec<UnknownKey>>,
}

struct UnknownKey {
    place: Place,
    shown: String,
    instead: String,
}

/// Why a node cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    node: Option<(usize, Place)>,
    key: Box<str>,
    what: Box<str>,
    instead: Box<str>,
    missing: Option<&'static str>,
    /// Something was said about it before.
    is_told: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self {
            what: message.to_string().into(),
            ..Self::default()
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            what: format!("`{field}` is missing").into(),
            missing: Some(field),
            ..Self::default()
        }
    }
}

/// One node on its turn, with the key that it stands at.
#[derive(Clone, Copy)]
struct At<'a> {
    node: &'a Node,
    key: &'a str,
    reading: &'a Reading<'a>,
}

impl<'a> At<'a> {
    fn below(self, node: &'a Node, key: &'a str) -> Self {
        Self { node, key, ..self }
    }

    fn fault(self, what: impl Into<Box<str>>, instead: &str) -> Fault {
        let fault = Fault {
            what: what.into(),
            instead: instead.into(),
            ..Fault::default()
        };
        self.placed(fault)
    }

    /// Says where the fault is, unless it says so itself.
    fn placed(self, fault: Fault) -> Fault {
        match fault.node {
            Some(_) => fault,
            None => Fault {
                node: Some((self.node.id, self.node.place)),
                key: self.key.into(),
                ..fault
            },
        }
    }

    fn text(self) -> Result<&'a str, Fault> {
        match &self.node.value {
            Value::Scalar(text, _) if !self.node.is_null() => Ok(text),
            Value::Scalar(..) => Err(self.fault("there is no value", "write one behind the colon, or remove the line")),
            Value::List(_) => Err(self.fault("a list stands where one value belongs", "write one value")),
            Value::Map(_) => Err(self.fault("keys stand where one value belongs", "write one value")),
        }
    }

    fn number<N: std::str::FromStr>(self, most: impl fmt::Display) -> Result<N, Fault> {
        let text = self.text()?;
        text.parse().map_err(|_| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let what = if is_number {
                "is too large"
            } else {
                "is not a whole number"
            };
            self.fault(
                format!("{} {what}", shown(text)),
                &format!("write a whole number from 0 to {most}"),
            )
        })
    }

    fn entries(self) -> Result<&'a [Entry], Fault> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.fault("keys and values are missing here", "write `key: value` lines")),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number: $type = self.number(<$type>::MAX)?;
            visitor.$visit(number)
        }
    )*};
}

impl<'a> Deserializer<'a> for At<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor
            .visit_str(self.text()?)
            .map_err(|fault: Fault| self.placed(fault))
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text()? {
            "true" | "True" | "TRUE" => visitor.visit_bool(true),
            "false" | "False" | "FALSE" => visitor.visit_bool(false),
            other => Err(self.fault(
                format!("{} is neither true nor false", shown(other)),
                "write true or false",
            )),
        }
    }

    whole_numbers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name != spanned::NAME {
            return visitor.visit_newtype_struct(self);
        }
        visitor.visit_seq(Placed { at: self, given: 0 })
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::List(items) = &self.node.value else {
            return Err(self.fault("a list belongs here", "write one such as [a, b]"));
        };
        visitor.visit_seq(Items {
            at: self,
            items: items.iter(),
        })
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let known = || fields.iter().copied().filter(|field| *field != TOLD);
        let mut told = Vec::new();
        let mut readable = Vec::new();
        for entry in self.entries()? {
            if !fields.contains(&entry.key.as_str()) || entry.key == TOLD {
                told.push(closest(&entry.key, known()).unwrap_or(&entry.key).to_owned());
                self.reading.unknown.borrow_mut().push(UnknownKey {
                    place: entry.place,
                    shown: shown_key(&entry.key).into_owned(),
                    instead: suggestion(&entry.key, known()),
                });
            } else if self.reading.skipped.contains(&entry.node.id) {
                told.push(entry.key.clone());
            } else {
                readable.push(entry);
            }
        }
        let has_told = fields.contains(&TOLD);
        let fields = Fields {
            at: self,
            entries: readable.into_iter(),
            next: None,
            told: has_told.then(|| told.clone()),
        };
        visitor.visit_map(fields).map_err(|fault| {
            let is_told = fault.missing.is_some_and(|name| told.iter().any(|told| told == name));
            // Of a fault that has a place already, the missing key is another map's.
            let is_told = fault.is_told || (fault.node.is_none() && is_told);
            self.placed(Fault { is_told, ..fault })
        })
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        i8 i16 i32 i64 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map enum identifier ignored_any
    }
}

/// Line, column and value of one node.
struct Placed<'a> {
    at: At<'a>,
    given: u8,
}

impl<'a> SeqAccess<'a> for Placed<'a> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.given += 1;
        let number = |number: u64| -> U64Deserializer<Fault> { number.into_deserializer() };
        match self.given {
            1 => seed.deserialize(number(self.at.node.place.line())).map(Some),
            2 => seed.deserialize(number(self.at.node.place.column())).map(Some),
            3 => seed.deserialize(self.at).map(Some),
            _ => Ok(None),
        }
    }
}

struct Items<'a> {
    at: At<'a>,
    items: std::slice::Iter<'a, Node>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let skipped = self.at.reading.skipped;
        match self.items.find(|item| !skipped.contains(&item.id)) {
            Some(item) => seed.deserialize(self.at.below(item, self.at.key)).map(Some),
            None => Ok(None),
        }
    }
}

struct Fields<'a> {
    at: At<'a>,
    entries: std::vec::IntoIter<&'a Entry>,
    next: Option<&'a Entry>,
    told: Option<Vec<String>>,
}

impl<'a> MapAccess<'a> for Fields<'a> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.next = self.entries.next();
        let name = match (self.next, &self.told) {
            (Some(entry), _) => entry.key.as_str(),
            (None, Some(_)) => TOLD,
            (None, None) => return Ok(None),
        };
        let name: StrDeserializer<'_, Fault> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        match self.next.take() {
            Some(entry) => seed.deserialize(self.at.below(&entry.node, &entry.key)),
            None => {
                let told = self.told.take().unwrap_or_default();
                seed.deserialize(de::value::SeqDeserializer::new(told.into_iter()))
            }
        }
    }
}
