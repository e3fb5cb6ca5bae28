#![doc = include_str!("../README.md")]

mod problem;
mod secret_file;
pub mod value;
mod yaml;

pub use problem::{Place, Problem, Report, place};
pub use secret_file::SecretFile;
pub use serde_yaml::Spanned;
pub use yaml::read;
