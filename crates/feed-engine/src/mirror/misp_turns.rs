//! The places for questions to one site, as a mirror takes them.

use std::pin::Pin;
use std::sync::Arc;

use misp_mirror::Turn;

use crate::turns::Turns;
use crate::{Errand, Urgency};

/// Takes the places of one site: callers who wait for MISP go before the mirror, and rounds of refreshes after it.
#[derive(Debug)]
pub(super) struct MispTurns(pub(super) Arc<Turns>);

impl misp_mirror::Turns for MispTurns {
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(async move { Turn::holding(self.0.take(&Errand::new(Urgency::Followed)).await) })
    }
}
