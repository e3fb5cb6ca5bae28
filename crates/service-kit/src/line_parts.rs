//! Parts of a line of a log, written without the machinery of `fmt`: each answer has several lines.

use std::net::IpAddr;

/// Writes a number as `{}` does.
///
/// ```
/// let mut line = b"status=".to_vec();
/// service_kit::write_number(&mut line, 200);
/// assert_eq!(line, b"status=200");
/// ```
pub fn write_number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes an address as `{}` does.
///
/// ```
/// let mut line = b"client=".to_vec();
/// service_kit::write_address(&mut line, [192, 0, 2, 7].into());
/// assert_eq!(line, b"client=192.0.2.7");
/// ```
pub fn write_address(line: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        return line.extend_from_slice(address.to_string().as_bytes());
    };
    // The longest has fifteen characters. Put together here, it is copied once.
    let (mut text, mut length) = ([0; 16], 0);
    let mut push = |byte| {
        if let Some(place) = text.get_mut(length) {
            *place = byte;
            length += 1;
        }
    };
    for (place, number) in address.octets().into_iter().enumerate() {
        if place > 0 {
            push(b'.');
        }
        if number >= 100 {
            push(b'0' + number / 100);
        }
        if number >= 10 {
            push(b'0' + number / 10 % 10);
        }
        push(b'0' + number % 10);
    }
    line.extend_from_slice(text.get(..length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for address in [
            "0.0.0.0",
            "255.255.255.255",
            "10.9.100.1",
            "9.10.99.101",
            "::",
            "2001:db8::1",
            "::ffff:192.0.2.7",
        ] {
            let mut line = Vec::new();
            write_address(&mut line, address.parse().unwrap());
            assert_eq!(line, address.as_bytes());
        }
    }
}
