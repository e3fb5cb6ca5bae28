//! Reading MISP's JSON while it arrives, and taking its fields as they come.

mod element;
pub(crate) mod lenient;
mod splitter;
mod value;

pub(crate) use element::{Element, Elements, Row};
pub(crate) use splitter::Splitter;
pub(crate) use value::SplitError;
