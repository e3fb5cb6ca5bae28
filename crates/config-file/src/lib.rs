#![doc = include_str!("../README.md")]

mod problem;
mod reading;
mod secret_file;
mod spanned;
mod tree;
pub mod value;
pub mod word;
mod yaml;

pub use problem::{Place, Problem, Report, place};
pub use secret_file::SecretFile;
pub use spanned::Spanned;
pub use yaml::read;
