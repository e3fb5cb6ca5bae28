//! The catalogue against an obvious implementation over records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod equality;
mod reference;
mod rules;
mod world;
