//! Reading MISP's JSON while it arrives, and taking its fields as they come.

pub(crate) mod lenient;
mod splitter;

pub(crate) use splitter::{Element, Elements, Row, SplitError, Splitter};
