//! The work that goes on beside requests: links to ZeroMQ feeds, checks for withdrawn events, the journal of sightings.

use std::sync::Arc;

use crate::app::App;
use crate::live::LinkKeeper;
use crate::mirror_rules::MirrorRules;
use crate::sighting_desk::{Desk, Opening};
use crate::withdrawals::Checks;

/// A guard that keeps the work going until it is dropped; see [`Gateway::start`](crate::Gateway::start).
#[derive(Debug)]
pub struct Background {
    sightings: Arc<Desk>,
    opening: Opening,
    _mirrors: Option<MirrorRules>,
    _links: LinkKeeper,
    _withdrawals: Checks,
}

impl Background {
    /// Starts the work.
    pub(crate) fn start(app: &App) -> Self {
        Self {
            sightings: Arc::clone(app.sightings()),
            opening: Opening::begin(app.sightings(), app.configuration(), app.misp()),
            _mirrors: app
                .mirrors()
                .map(|mirrors| MirrorRules::begin(app.configuration(), mirrors)),
            _links: LinkKeeper::begin(app.configuration(), app.engine(), app.links()),
            _withdrawals: Checks::begin(Arc::clone(app.misp())),
        }
    }

    /// Ends the work after the last answer: sends the sightings that can still be sent, at most 5 s long, and gives the
    /// journal back.
    pub async fn end(self) {
        drop(self.opening);
        self.sightings.close().await;
    }
}
