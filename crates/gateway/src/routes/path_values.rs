//! The variable parts of a path.

use std::borrow::Cow;

/// The values of the variable parts of a path, by their names in the template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathValues<'a> {
    names: &'a [Part<'static>],
    values: &'a [Cow<'a, str>],
}

impl<'a> PathValues<'a> {
    /// Returns the values of a path whose parts are those of a template, one by one.
    pub(super) fn new(names: &'a [Part<'static>], values: &'a [Cow<'a, str>]) -> Self {
        Self { names, values }
    }

    /// Returns the text in place of `{name}`, or nothing if the template has no such part.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let position = self.names.iter().position(|part| *part == Part::Variable(name))?;
        self.values.get(position).map(AsRef::as_ref)
    }
}

/// The text between two slashes of a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part<'n> {
    Fixed(&'n str),
    /// The name stands in braces in the template: `{feed}`.
    Variable(&'n str),
}

impl<'n> Part<'n> {
    pub(super) fn of(text: &'n str) -> Self {
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        name.map_or(Self::Fixed(text), Self::Variable)
    }
}
