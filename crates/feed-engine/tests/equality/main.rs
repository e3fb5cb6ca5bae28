//! Random edits, after each of which the two ways to every feed are held against each other and against a model.
//!
//! `model` says what each way has to answer, from the stand-in's data alone: the mirror every event as it was last
//! published, the direct way only the attributes of it that the edit did not touch. The direct answers are compared
//! with the model, so the model cannot be wrong in the mirror's favour.
//!
//! `CRATOS_EQUALITY_EDITS` sets the number of edits (default 1000), `CRATOS_EQUALITY_SEED` another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod edits;
mod model;
mod stand;
mod thousand_edits;
