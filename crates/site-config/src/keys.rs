//! The tables of all keys: what the readers accept, what the examples must mention and what the reference page is made from.

mod core;
mod mappings;
mod site;

pub(crate) use self::core::CORE;
pub(crate) use self::mappings::MAPPINGS;
pub(crate) use self::site::SITE;

/// One key of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// The file that the key stands in.
    pub file: ConfigFile,
    /// The name; `outer.inner` for a key inside a map.
    pub name: &'static str,
    /// What may be written, in words: `duration`, `list of networks`, …
    pub value: &'static str,
    /// What holds when the key is absent, as one would write it; `required` if there is nothing.
    pub default: &'static str,
    /// What it is for, in one line.
    pub meaning: &'static str,
    /// Where the key comes from.
    pub origin: Origin,
}

/// Which of the three kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigFile {
    /// `config/config.yaml`.
    Core,
    /// `config/mappings.yaml`.
    Mappings,
    /// `sites/<fqdn>.yaml`.
    Site,
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Cratos FastAPI has it, with the same meaning.
    Reference,
    /// Ours; Cratos FastAPI does not start with a file that has it.
    Ours,
}

/// Returns the description of every key of every file, in the order of the example files.
pub fn reference() -> impl Iterator<Item = &'static Key> {
    [CORE, MAPPINGS, SITE].into_iter().flatten()
}

/// A key that Cratos FastAPI has.
const fn theirs(
    file: ConfigFile,
    name: &'static str,
    value: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        file,
        name,
        value,
        default,
        meaning,
        origin: Origin::Reference,
    }
}

/// A key that only we have.
const fn ours(
    file: ConfigFile,
    name: &'static str,
    value: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        file,
        name,
        value,
        default,
        meaning,
        origin: Origin::Ours,
    }
}
