#![doc = include_str!("../README.md")]
#![expect(clippy::panic, clippy::print_stderr, reason = "this crate is part of tests only")]

mod find;
pub mod handbook;
mod peer;

pub use find::{program, python, python_with};
pub use peer::{Peer, free_port, until};
