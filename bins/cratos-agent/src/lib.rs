#![doc = include_str!("../README.md")]

pub mod cli;

mod commands;
mod console;
mod telemetry;
