//! The log of refused requests: the device and the reason, for an operator whose device gets nothing.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::notes::RequestNotes;

/// The most lines of each kind in a minute; further ones are counted. The access log has a line for each request.
const LINES: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Refused requests whose token opened, and all others. Anyone can send the others, and a flood of them must not hide
/// why a known device is refused.
static OPENED: Budget = Budget(Mutex::new(None));
static OTHERS: Budget = Budget(Mutex::new(None));

/// Returns whether a status says that the token or the address is refused.
pub(crate) fn is_one(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Logs one refused request, unless there were many of its kind in this minute already.
pub(crate) fn log(client: IpAddr, route: &str, status: StatusCode, notes: &RequestNotes) {
    let budget = if notes.token_id().is_some() { &OPENED } else { &OTHERS };
    let Some(unlogged) = budget.one_more(Instant::now()) else {
        return;
    };
    tracing::info!(
        target: "cratosd::refused",
        %client,
        route,
        status = status.as_u16(),
        reason = notes.reason(),
        token_id = notes.token_id().map(tracing::field::display),
        label = notes.label(),
        site = notes.site(),
        unlogged = (unlogged > 0).then_some(unlogged),
        "refused"
    );
}

/// The lines of this minute, and the number of dropped ones.
struct Budget(Mutex<Option<Minute>>);

struct Minute {
    began: Instant,
    lines: u32,
    unlogged: u64,
}

impl Budget {
    /// Returns the number of lines that were dropped before this one, or nothing if this one is dropped too.
    fn one_more(&self, now: Instant) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Minute {
            began: now,
            lines: 0,
            unlogged: 0,
        };
        let minute = minute.get_or_insert(fresh);
        if now.saturating_duration_since(minute.began) >= MINUTE {
            (minute.began, minute.lines) = (now, 0);
        }
        if minute.lines == LINES {
            minute.unlogged += 1;
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_what_is_left_out_is_counted() {
        let (budget, start) = (Budget(Mutex::new(None)), Instant::now());
        let at = |seconds| budget.one_more(start + Duration::from_secs(seconds));
        assert!((0..LINES).all(|_| at(0) == Some(0)));
        assert_eq!([at(1), at(59), at(60), at(61)], [None, None, Some(2), Some(0)]);
    }
}
