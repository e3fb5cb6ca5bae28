//! The time as web servers write it, in UTC: `05/Nov/2026:08:09:10 +0000`.

use std::cell::Cell;

use jiff::Timestamp;
use jiff::tz::Offset;
use service_kit::digits;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

thread_local! {
    /// The last second of this thread and its text: thousands of lines have the same.
    static LAST: Cell<(i64, [u8; 26])> = const { Cell::new((i64::MIN, [b' '; 26])) };
}

/// Writes the second of this moment.
pub(super) fn write(line: &mut Vec<u8>, at: Timestamp) {
    let second = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
    let (last, mut text) = LAST.get();
    if last != second {
        text = of(at);
        LAST.set((second, text));
    }
    line.extend_from_slice(&text);
}

fn of(at: Timestamp) -> [u8; 26] {
    let time = Offset::UTC.to_datetime(at);
    let month = MONTHS.iter().zip(1..).find(|(_, number)| *number == time.month());
    let mut text = *b"00/Jan/0000:00:00:00 +0000";
    for (place, letter) in text.iter_mut().skip(3).zip(month.map_or(*b"???", |(name, _)| **name)) {
        *place = letter;
    }
    let numbers = [
        (0..2, i16::from(time.day())),
        (7..11, time.year()),
        (12..14, time.hour().into()),
        (15..17, time.minute().into()),
        (18..20, time.second().into()),
    ];
    for (places, number) in numbers {
        if let Some(places) = text.get_mut(places) {
            digits(places, number.unsigned_abs().into());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_web_servers() {
        for moment in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.9Z",
            "2026-12-31T23:59:59.9Z",
            "2000-02-29T00:00:00Z",
            "2026-01-02T03:04:05Z",
        ] {
            let moment: Timestamp = moment.parse().unwrap();
            let mut line = Vec::new();
            write(&mut line, moment);
            let expected = moment.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        }
    }
}
