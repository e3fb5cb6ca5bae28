#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! `model` describes the data, `store` holds them as rows and applies edits, `query` and `search` answer questions
//! about them, `decaying` computes scores, `render` writes rows as MISP does, `routes` has a file per endpoint, `fault`
//! misbehaves. `shared` is the state that `server` (the socket) and `sim` (the handle of a test) both use.

mod answer;
mod body;
mod bulk;
mod bulk_site;
mod clock;
mod decaying;
mod demo;
mod edit;
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
mod shared;
mod sim;
mod store;
mod warninglist;

pub use crate::{
    bulk::Bulk,
    bulk_site::BulkSite,
    clock::Clock,
    demo::{DEMO_TAG, demo},
    edit::{AttributeEdit, Edit, EventEdit, NewAttribute, NewEvent, RandomEdits, SiteEdit},
    fault::{Fault, FaultRule},
    load::LoadError,
    log::{LoggedRequest, Traffic},
    model::{
        Attribute, DecayingModel, Event, InObject, Moment, Organisation, Publication, Role, Tag, TagUse, User,
        Warninglist, WarninglistKind,
    },
    sim::{RunningSim, Sim, SimBuilder, StartError},
    store::{AttributeView, EventView, NoSuch, SightingView, Store},
};
