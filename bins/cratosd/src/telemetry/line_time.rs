//! The time at the beginning of a line of the log.

use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;
use service_kit::digits;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Writes the time as `tracing-subscriber` does: UTC with microseconds.
#[derive(Debug)]
pub(super) struct LineTime;

impl FormatTime for LineTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let text = text(Timestamp::now());
        writer.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

thread_local! {
    /// The last second of this thread and its text: thousands of lines have the same.
    static LAST: Cell<(i64, [u8; 27])> = const { Cell::new((i64::MIN, [b' '; 27])) };
}

/// Returns the moment as text, with microseconds.
pub(super) fn text(at: Timestamp) -> [u8; 27] {
    // Before 1970 the part of a second counts backwards.
    let part = at.subsec_nanosecond();
    let (second, part) = if part < 0 {
        (at.as_second() - 1, part + 1_000_000_000)
    } else {
        (at.as_second(), part)
    };
    let (last, mut text) = LAST.get();
    if last != second {
        text = whole_second(at);
        LAST.set((second, text));
    }
    if let Some(places) = text.get_mut(20..26) {
        digits(places, (part / 1_000).unsigned_abs().into());
    }
    text
}

fn whole_second(at: Timestamp) -> [u8; 27] {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let time = Offset::UTC.to_datetime(at);
    let numbers = [
        (0..4, i64::from(time.year())),
        (5..7, time.month().into()),
        (8..10, time.day().into()),
        (11..13, time.hour().into()),
        (14..16, time.minute().into()),
        (17..19, time.second().into()),
    ];
    for (places, number) in numbers {
        if let Some(places) = text.get_mut(places) {
            digits(places, number.unsigned_abs());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_utc_with_microseconds() {
        for moment in [
            "2026-11-05T08:09:10.012345Z",
            "1999-12-31T23:59:59.999999Z",
            "2000-02-29T00:00:00.000000Z",
            "2000-02-29T00:00:00.500000Z",
            "1969-12-31T23:59:59.500000Z",
            "1970-01-01T00:00:00.500000Z",
        ] {
            let shown = text(moment.parse().unwrap());
            assert_eq!(std::str::from_utf8(&shown).unwrap(), moment);
        }
    }
}
