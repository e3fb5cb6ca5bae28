//! Reading MISP's JSON while it arrives, and taking its fields as they come.

mod cursor;
pub(crate) mod lenient;
mod row_scan;
mod shared_parts;
mod splitter;

pub(crate) use cursor::Stop;
pub(crate) use row_scan::row as scan_row;
pub(crate) use shared_parts::SharedParts;
pub(crate) use splitter::{Element, Elements, Row, SplitError, Splitter};
