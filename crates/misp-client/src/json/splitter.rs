//! Cuts the rows out of a JSON document that arrives in pieces.
//!
//! A document is walked down to one list (`response` → `Attribute`), whose elements become rows one by one; everything
//! beside that way is checked to be JSON and skipped. It keeps only unread bytes, so it takes the memory of one element
//! and one piece. The document must end cleanly: [`Splitter::finish`] says so.

use serde::de::IgnoredAny;

use super::element::{Element, Elements};
use super::value::{SplitError, value_at};

#[cfg(test)]
mod tests;

/// The most that one element, key or skipped value may take by default: 16 MiB. MISP's largest values are rule texts
/// and samples.
const MAX_ELEMENT: usize = 16 << 20;

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
