//! Parts of a line of a log, written without the machinery of `fmt`: each answer has several lines.

use std::net::IpAddr;

/// Writes a number as `{}` does.
///
/// ```
/// let mut line = String::from("status=");
/// service_kit::write_number(&mut line, 200);
/// assert_eq!(line, "status=200");
/// ```
pub fn write_number(line: &mut String, number: u64) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// Writes an address as `{}` does.
///
/// ```
/// let mut line = String::from("client=");
/// service_kit::write_address(&mut line, [192, 0, 2, 7].into());
/// assert_eq!(line, "client=192.0.2.7");
/// ```
pub fn write_address(line: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        return line.push_str(&address.to_string());
    };
    for (place, number) in address.octets().into_iter().enumerate() {
        if place > 0 {
            line.push('.');
        }
        write_number(line, number.into());
    }
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
            "::",
            "2001:db8::1",
            "::ffff:192.0.2.7",
        ] {
            let mut line = String::new();
            write_address(&mut line, address.parse().unwrap());
            assert_eq!(line, address);
        }
    }
}
