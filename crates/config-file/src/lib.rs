#![doc = include_str!("../README.md")]

mod item;
mod key;
mod problem;
pub mod reader;
mod reference_table;
mod secret_file;
mod section;
mod table;
pub mod text_file;
pub mod value;
pub mod word;
mod yaml;

pub use item::Item;
pub use key::{Absence, Key, Origin, absent, default, named};
pub use problem::{Note, Place, Problem, Problems, Report, Wrong};
pub use reference_table::reference_table;
pub use secret_file::SecretFile;
pub use section::{Section, kind_of};
pub use table::Tables;
pub use yaml::{Entry, Node, Scalar, Value, read, read_text};
