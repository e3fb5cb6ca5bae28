//! The data of the stand-in: organisations, users, tags, warninglists, events and their attributes.
//!
//! These are descriptions, written by hand, read from an event file or generated. [`Store`](crate::Store) turns them
//! into rows with ids and absolute times.

mod attribute;
mod decaying_model;
mod event;
mod moment;
mod organisation;
mod tag;
mod user;
mod warninglist;

pub(crate) use self::attribute::usual_category;
pub use self::{
    attribute::{Attribute, InObject},
    decaying_model::DecayingModel,
    event::{Event, Publication},
    moment::Moment,
    organisation::Organisation,
    tag::{Tag, TagUse},
    user::{Role, User},
    warninglist::{Warninglist, WarninglistKind},
};
