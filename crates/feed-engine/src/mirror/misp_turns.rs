//! The places for questions to one MISP, as a mirror takes them.

use std::pin::Pin;

use misp_mirror::Turn;

use crate::turns::Line;
use crate::{Errand, Urgency};

/// Takes the places of one upstream: callers who wait for MISP go before the mirror, and rounds of refreshes after it.
#[derive(Debug)]
pub(super) struct MispTurns(pub(super) Line);

impl misp_mirror::Turns for MispTurns {
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(async move { Turn::holding(self.0.turn(&Errand::new(Urgency::Followed)).await) })
    }
}
