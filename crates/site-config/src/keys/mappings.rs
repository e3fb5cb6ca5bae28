//! The keys of `config/mappings.yaml`.

use super::ConfigFile::Mappings;
use super::{Key, theirs};

#[rustfmt::skip]
pub(crate) const MAPPINGS: &[Key] = &[
    theirs(Mappings, "output", "list", "none", "without effect: the outputs are built in"),
    theirs(Mappings, "feeds", "list", "none", "without effect: the feed names are built in"),
    theirs(Mappings, "ages", "map", "none", "without effect: the ages are built in"),
    theirs(Mappings, "types", "map from indicator type to a list of MISP attribute types", "the built-in list for each type that is not named",
        "MISP attribute types that are searched for an indicator type"),
];
