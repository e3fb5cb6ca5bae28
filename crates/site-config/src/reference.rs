//! The description of every key, for the reference page and the checks of the example files.

pub use config_file::Origin;
use config_file::Tables;

use crate::core::CORE;
use crate::mappings::MAPPINGS;
use crate::site::SITE;

/// One key of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// The file that may have the key.
    pub file: ConfigFile,
    /// The name; `outer.inner` for a key inside a map.
    pub name: &'static str,
    /// The form of its values in words: `duration`, `list of networks`, …
    pub value: &'static str,
    /// The value that holds when the key is absent, as one would write it, or words such as `required` or `none`.
    pub default: &'static str,
    /// The value that the reader takes when the key is absent, as YAML; nothing where `default` is words.
    pub default_value: Option<&'static str>,
    /// The purpose of the key, in one line.
    pub meaning: &'static str,
    /// Whether Cratos FastAPI has the key, too.
    pub origin: Origin,
}

/// The three kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigFile {
    /// `config/config.yaml`.
    Core,
    /// `config/mappings.yaml`.
    Mappings,
    /// `sites/<fqdn>.yaml`.
    Site,
}

impl ConfigFile {
    const ALL: [Self; 3] = [Self::Core, Self::Mappings, Self::Site];

    const fn tables(self) -> Tables {
        match self {
            Self::Core => CORE,
            Self::Mappings => MAPPINGS,
            Self::Site => SITE,
        }
    }
}

/// Returns the description of every key of every file.
pub fn reference() -> impl Iterator<Item = Key> {
    ConfigFile::ALL.into_iter().flat_map(|file| {
        let rows = file.tables().iter().flat_map(|table| table.iter());
        rows.map(move |row| Key {
            file,
            name: row.name,
            value: row.value,
            default: row.default(),
            default_value: row.default_value(),
            meaning: row.meaning,
            origin: row.origin,
        })
    })
}
