#![doc = include_str!("../README.md")]
#![expect(clippy::panic, clippy::print_stderr, reason = "this crate is part of tests only")]

pub mod dns;
pub mod handbook;
mod peer;
mod program;
mod sensor;
mod suricata;
mod web;

pub use peer::{Peer, free_port, until};
pub use program::{program, python, python_with, unpacked};
pub use sensor::{Loaded, Sensor};
pub use suricata::Suricata;
pub use web::WebServer;
