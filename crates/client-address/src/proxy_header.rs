//! The first bytes of a connection from a proxy that speaks the PROXY protocol, version 1 (text) or 2 (binary).

use std::net::IpAddr;

use proxy_header::{ParseConfig, Protocol};

use crate::error::ProxyHeaderError;

const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The length of the shortest header, `PROXY UNKNOWN\r\n`: so many bytes always belong to the header.
const SHORTEST: usize = 15;

/// The longest line of version 1, with its line end.
const V1_MAX_BYTES: usize = 107;

/// The bytes before the addresses of version 2.
const V2_FIXED_BYTES: usize = 16;

/// The meaning of the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// The bytes are the beginning of a header, and so many more belong to it for certain. Read them, but not more, and
    /// call again.
    NeedsMore(usize),
    /// The header is complete, and this is the client's address (an IPv4 one in IPv4 form).
    For(IpAddr),
    /// The header is complete and names no client (`LOCAL`, `UNKNOWN`, `AF_UNSPEC`, `AF_UNIX`): use the address of the
    /// connection, as the protocol says. For example, a health check of the proxy has such a header.
    Own,
}

impl ProxyHeader {
    /// The longest header that is read, in bytes. Version 2 allows 64 KiB of further fields (TLV); proxies send some
    /// hundred bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Reads all bytes that have arrived so far; start with none. Fields after the addresses are not read.
    ///
    /// ```
    /// use client_address::ProxyHeader;
    ///
    /// # fn main() -> Result<(), client_address::ProxyHeaderError> {
    /// assert_eq!(ProxyHeader::read(b"PROXY")?, ProxyHeader::NeedsMore(10));
    /// let header = ProxyHeader::read(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")?;
    /// assert_eq!(header, ProxyHeader::For([192, 0, 2, 7].into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the bytes can no longer become a header.
    pub fn read(bytes: &[u8]) -> Result<Self, ProxyHeaderError> {
        if !(begins_like(bytes, V1_START) || begins_like(bytes, V2_START)) {
            return Err(ProxyHeaderError::Missing);
        }
        if bytes.len() < SHORTEST {
            return Ok(Self::NeedsMore(SHORTEST - bytes.len()));
        }
        let missing = if bytes.starts_with(V1_START) {
            v1_missing(bytes)
        } else {
            v2_missing(bytes)
        }?;
        if missing > 0 {
            return Ok(Self::NeedsMore(missing));
        }
        let config = ParseConfig {
            include_tlvs: false,
            ..ParseConfig::default()
        };
        let parsed = proxy_header::ProxyHeader::parse(bytes, config);
        let (header, length) = parsed.map_err(|_| ProxyHeaderError::Malformed)?;
        if length != bytes.len() {
            return Err(ProxyHeaderError::Malformed);
        }
        match header.proxied_address() {
            Some(address) if address.protocol != Protocol::Stream => Err(ProxyHeaderError::NotAStream),
            Some(address) => Ok(Self::For(address.source.ip().to_canonical())),
            None => Ok(Self::Own),
        }
    }
}

/// Returns whether the bytes are the beginning of `start`, or begin with it.
fn begins_like(bytes: &[u8], start: &[u8]) -> bool {
    let length = bytes.len().min(start.len());
    bytes.get(..length) == start.get(..length)
}

/// Asks for the line byte by byte, because its length is unknown and no byte after it may be taken.
fn v1_missing(bytes: &[u8]) -> Result<usize, ProxyHeaderError> {
    if bytes.ends_with(b"\r\n") {
        return Ok(0);
    }
    if bytes.contains(&b'\n') {
        return Err(ProxyHeaderError::Malformed);
    }
    if bytes.len() >= V1_MAX_BYTES {
        Err(ProxyHeaderError::TooLong)
    } else {
        Ok(1)
    }
}

fn v2_missing(bytes: &[u8]) -> Result<usize, ProxyHeaderError> {
    let &[high, low] = bytes.get(14..V2_FIXED_BYTES).unwrap_or_default() else {
        return Ok(V2_FIXED_BYTES.saturating_sub(bytes.len()));
    };
    let whole = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if whole > ProxyHeader::MAX_BYTES {
        return Err(ProxyHeaderError::TooLong);
    }
    whole.checked_sub(bytes.len()).ok_or(ProxyHeaderError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads as from a socket, and returns the rest of the stream too.
    fn read(mut stream: &[u8]) -> (Result<ProxyHeader, ProxyHeaderError>, &[u8]) {
        let mut bytes = Vec::new();
        loop {
            match ProxyHeader::read(&bytes) {
                Ok(ProxyHeader::NeedsMore(more)) if more <= stream.len() => {
                    let (taken, left) = stream.split_at(more);
                    bytes.extend_from_slice(taken);
                    stream = left;
                }
                other => return (other, stream),
            }
        }
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [V2_START, &[0x20 | command, family], &length, rest].concat()
    }

    fn client(text: &str) -> ProxyHeader {
        ProxyHeader::For(text.parse().unwrap())
    }

    #[test]
    fn a_line_of_version_1_names_the_client_and_the_bytes_after_it_are_left() {
        for (line, said) in [
            (
                &b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"[..],
                client("192.0.2.7"),
            ),
            (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", client("2001:db8::7")),
            (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 443\r\n", client("192.0.2.7")),
            (b"PROXY UNKNOWN\r\n", ProxyHeader::Own),
            (
                b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
                ProxyHeader::Own,
            ),
        ] {
            let stream = [line, b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(read(&stream), (Ok(said), &b"GET / HTTP/1.1\r\n"[..]));
        }
    }

    #[test]
    fn version_2_names_the_client_with_and_without_further_fields() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 1, 187];
        let fields = [0x02, 0, 3, b'a', b'b', b'c', 0x20, 0xff];
        let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0; 20]].concat();
        for (header, said) in [
            (v2(1, 0x11, &v4), client("192.0.2.7")),
            (v2(1, 0x11, &[&v4[..], &fields].concat()), client("192.0.2.7")),
            (v2(1, 0x21, &v6), client("2001:db8::7")),
            (v2(0, 0x11, &v4), ProxyHeader::Own),
            (v2(0, 0, &[]), ProxyHeader::Own),
            (v2(1, 0, &fields), ProxyHeader::Own),
            (v2(1, 0x31, &[0; 216]), ProxyHeader::Own),
        ] {
            let stream = [&header[..], b"\x16\x03\x01"].concat();
            assert_eq!(read(&stream), (Ok(said), &b"\x16\x03\x01"[..]));
        }
    }

    #[test]
    fn other_bytes_are_refused_at_the_first_wrong_one() {
        for stream in [
            &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more",
            b"PROXY/1.1 is no line",
        ] {
            assert_eq!(read(stream).0, Err(ProxyHeaderError::Missing));
        }
        assert_eq!(ProxyHeader::read(b"G"), Err(ProxyHeaderError::Missing));
        assert_eq!(ProxyHeader::read(b"PRO"), Ok(ProxyHeader::NeedsMore(12)));
    }

    #[test]
    fn malformed_headers_are_refused() {
        for line in [
            &b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n"[..],
            b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 65536\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.1 4711 443\r\n",
            b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
            b"PROXY TCP4 unknown 198.51.100.1 4711 443\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\n",
            b"PROXY UDP4 192.0.2.7 198.51.100.1 4711 443\r\n",
            b"PROXY  TCP4 192.0.2.7 198.51.100.1 4711 443\r\n",
        ] {
            assert_eq!(
                read(line).0,
                Err(ProxyHeaderError::Malformed),
                "{}",
                line.escape_ascii()
            );
        }
        for header in [
            v2(1, 0x11, &[192, 0, 2, 7]),
            v2(2, 0x11, &[0; 12]),
            v2(1, 0x41, &[0; 12]),
            v2(1, 0x31, &[0; 12]),
        ] {
            assert_eq!(read(&header).0, Err(ProxyHeaderError::Malformed));
        }
        assert_eq!(read(&v2(1, 0x12, &[0; 12])).0, Err(ProxyHeaderError::NotAStream));
    }

    #[test]
    fn long_headers_are_refused_before_they_are_read() {
        let line = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 500]].concat();
        let (outcome, left) = read(&line);
        assert_eq!(
            (outcome, left.len()),
            (Err(ProxyHeaderError::TooLong), line.len() - V1_MAX_BYTES)
        );
        let header = v2(1, 0x11, &[0; 5_000]);
        let (outcome, left) = read(&header);
        assert_eq!((outcome, left.len()), (Err(ProxyHeaderError::TooLong), 5_000));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_asked_for_is_bounded(
            start in prop::sample::select(vec![&b""[..], V1_START, V2_START, b"PROXY TCP4 ", b"PROXY TCP6 "]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, &rest].concat();
            for end in 0..=bytes.len() {
                if let Ok(ProxyHeader::NeedsMore(more)) = ProxyHeader::read(bytes.get(..end).unwrap()) {
                    prop_assert!(more > 0 && end + more <= ProxyHeader::MAX_BYTES);
                }
            }
        }
    }
}
