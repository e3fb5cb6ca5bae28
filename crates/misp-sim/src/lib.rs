#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! `model` describes the data, `store` holds them as rows and applies edits, `query` and `search` answer questions
//! about them, `render` writes rows as MISP does, `routes` has a file per endpoint, `fault` misbehaves, `server` is the
//! socket.

mod answer;
mod body;
mod bulk;
mod clock;
mod decaying;
mod demo;
mod fault;
mod json;
mod load;
mod log;
mod model;
mod query;
mod render;
mod routes;
mod search;
mod server;
mod sim;
mod store;
mod warninglist;

pub use crate::{
    bulk::Bulk,
    clock::Clock,
    decaying::DecayingModel,
    demo::{DEMO_TAG, demo},
    fault::{Fault, FaultRule},
    load::LoadError,
    log::LoggedRequest,
    model::{
        Attribute, Event, InObject, Moment, Organisation, Publication, Role, Tag, TagUse, User, Warninglist,
        WarninglistKind,
    },
    sim::{RunningSim, Sim, SimBuilder, StartError},
    store::{AttributeView, EventView, NoSuch, SightingView, Store},
};
