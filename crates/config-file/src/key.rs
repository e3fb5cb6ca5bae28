//! One key of a configuration file, as a row of a table.

/// One key of a configuration file: a row of the table that the reader, the checks of the example files and the
/// reference page share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// The name; `outer.inner` for a key inside a map.
    pub name: &'static str,
    /// The form of its values in words, for example `duration` or `list of networks`.
    pub value: &'static str,
    /// The value that holds when the key is absent.
    pub absence: Absence,
    /// The purpose of the key, in one line.
    pub meaning: &'static str,
    /// Whether Cratos FastAPI has the key, too.
    pub origin: Origin,
}

/// What holds when a key is absent. The reader takes the value from here, so the reference page cannot show another
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// This value, as one would write it.
    Value(&'static str),
    /// This value, with a name for people: `loopback` for `[127.0.0.0/8, "::1"]`.
    Named {
        /// The name.
        name: &'static str,
        /// The value, as one would write it.
        value: &'static str,
    },
    /// No value, and what that means: `none`, or `required`.
    Nothing(&'static str),
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Cratos FastAPI has it, with the same meaning.
    Reference,
    /// Ours; Cratos FastAPI does not start with a file that has it.
    Ours,
}

impl Key {
    /// Returns a row. [`keys!`](crate::keys) calls it.
    #[must_use]
    pub const fn new(
        origin: Origin,
        name: &'static str,
        value: &'static str,
        absence: Absence,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            value,
            absence,
            meaning,
            origin,
        }
    }

    /// Returns a row of a key that Cratos FastAPI does not have.
    #[must_use]
    pub const fn ours(name: &'static str, value: &'static str, absence: Absence, meaning: &'static str) -> Self {
        Self::new(Origin::Ours, name, value, absence, meaning)
    }

    /// Returns what holds when the key is absent, as the reference page shows it.
    #[must_use]
    pub const fn default(&self) -> &'static str {
        match self.absence {
            Absence::Value(text) | Absence::Nothing(text) | Absence::Named { name: text, .. } => text,
        }
    }

    /// Returns the value that holds when the key is absent, as YAML, if there is one.
    #[must_use]
    pub const fn default_value(&self) -> Option<&'static str> {
        match self.absence {
            Absence::Value(value) | Absence::Named { value, .. } => Some(value),
            Absence::Nothing(_) => None,
        }
    }
}

/// Returns the default of a row: this value.
#[must_use]
pub const fn default(value: &'static str) -> Absence {
    Absence::Value(value)
}

/// Returns the default of a row: this value, which the reference page calls by a name.
#[must_use]
pub const fn named(name: &'static str, value: &'static str) -> Absence {
    Absence::Named { name, value }
}

/// Returns the default of a row without one: the words say what its absence means.
#[must_use]
pub const fn absent(words: &'static str) -> Absence {
    Absence::Nothing(words)
}
