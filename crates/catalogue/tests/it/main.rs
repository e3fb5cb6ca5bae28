//! The catalogue against an obvious implementation over records.

mod equality;
mod reference;
mod rules;
mod world;
