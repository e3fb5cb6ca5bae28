//! When a keeper tries again what did not succeed.

use std::sync::Arc;
use std::time::Duration;

use catalogue::CatalogueError;
use jiff::Timestamp;
use misp_mirror::Clock;

use super::backoff::Backoff;
use super::disk::MemoryStore;
use crate::{DirectReason, MirrorPhase, MirrorStatus};

/// The first pause after a copy could not go on, or could not use the disk, and the longest one.
const TRY_AGAIN: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// The pause after MISP had too much: to find out again it must be read whole. A changed limit and an operator's
/// resync end the pause.
const TRY_TOO_LARGE_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// What one life of a copy leaves to the next one.
pub(super) struct Tries {
    pub(super) clock: Arc<dyn Clock>,
    /// Pauses after a copy could not go on.
    pub(super) copy: Backoff,
    /// Pauses after a copy could not use the disk.
    pub(super) disk: Backoff,
    /// The store of a copy that could not move to the disk.
    pub(super) left: Option<MemoryStore>,
}

/// Why a life of a copy ended.
pub(super) enum Ended {
    /// It has another wish, or another store.
    Changed,
    /// It could not go on.
    Failed,
    /// MISP has more attributes than the site allows.
    MispTooLarge { limit: u64 },
    /// MISP has more than the catalogue can number.
    CatalogueFull,
}

impl Tries {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let pauses = Backoff::new(TRY_AGAIN, LONGEST_PAUSE);
        Self {
            clock,
            copy: pauses,
            disk: pauses,
            left: None,
        }
    }

    pub(super) fn pause_after(&mut self, ended: &Ended) -> Duration {
        match ended {
            Ended::Changed => Duration::ZERO,
            Ended::Failed => self.copy.next(),
            Ended::MispTooLarge { .. } | Ended::CatalogueFull => TRY_TOO_LARGE_AGAIN,
        }
    }

    pub(super) fn at(&self, pause: Duration) -> Timestamp {
        self.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX)
    }
}

impl Ended {
    pub(super) fn reason(&self) -> DirectReason {
        match self {
            Self::Changed => DirectReason::Opening,
            Self::Failed | Self::CatalogueFull => DirectReason::Failed,
            Self::MispTooLarge { limit } => DirectReason::TooManyAttributes { limit: *limit },
        }
    }

    /// Returns the end of a mirror that reports nothing more.
    pub(super) fn of_mirror(status: &MirrorStatus) -> Self {
        match status.phase {
            MirrorPhase::TooLarge { limit } => Self::MispTooLarge { limit },
            _ => Self::Failed,
        }
    }

    /// Returns the end of a copy whose catalogue refused a batch.
    pub(super) fn of_catalogue(error: CatalogueError) -> Self {
        match error {
            CatalogueError::TooLarge { .. } => Self::CatalogueFull,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use misp_mirror::SystemClock;

    use super::*;

    #[test]
    fn a_full_catalogue_is_tried_again_after_a_day_and_other_failures_after_growing_pauses() {
        let mut tries = Tries::new(Arc::new(SystemClock));
        let full = Ended::of_catalogue(CatalogueError::TooLarge { what: "rows" });
        let interrupted = Ended::of_catalogue(CatalogueError::Interrupted);
        assert_eq!(tries.pause_after(&full), TRY_TOO_LARGE_AGAIN);
        assert_eq!(tries.pause_after(&interrupted), TRY_AGAIN);
        assert_eq!(tries.pause_after(&interrupted), TRY_AGAIN * 2);
        assert_eq!(
            (full.reason(), tries.pause_after(&Ended::Changed)),
            (DirectReason::Failed, Duration::ZERO)
        );
    }
}
