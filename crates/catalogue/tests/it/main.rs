//! The catalogue against an obvious implementation over records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod editing;
mod equality;
mod explain;
mod find;
mod hostile;
mod left_out;
mod look_ups;
mod missing;
mod reference;
mod rules;
mod updates;
mod world;
