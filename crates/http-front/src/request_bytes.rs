//! Where requests begin and end in the bytes of a connection.

use zeroize::Zeroizing;

use crate::first_bytes::head_end;

/// What hyper has got of a request that it has not given to the service yet.
///
/// hyper alone says what a request is. This only knows for sure when hyper has taken all bytes that it got: when they
/// ended with the first empty line among them, and hyper has made a request without a body of them.
pub(crate) enum RequestBytes {
    /// Nothing: the next byte begins a request.
    Nothing,
    /// A head without its end.
    Part(Zeroizing<Vec<u8>>),
    /// Exactly one head.
    Whole(Zeroizing<Vec<u8>>),
    /// That is not known, and will not be known on this connection any more.
    Unknown,
}

impl RequestBytes {
    /// Returns whether the next byte of the peer begins a request.
    pub(crate) fn is_between_requests(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Notes bytes that hyper gets now. At most so many are kept.
    pub(crate) fn pass(&mut self, bytes: &[u8], most: usize) {
        if bytes.is_empty() {
            return;
        }
        let before = match std::mem::replace(self, Self::Unknown) {
            Self::Nothing => Zeroizing::default(),
            Self::Part(part) => part,
            Self::Whole(_) | Self::Unknown => return,
        };
        if before.len() + bytes.len() > most {
            return;
        }
        // An empty line may have begun in the bytes before. These are copied, since a vector that grows wipes nothing.
        let known = before.len().saturating_sub(3);
        let kept = Zeroizing::new([before.as_slice(), bytes].concat());
        *self = match head_end(kept.get(known..).unwrap_or_default()) {
            None => Self::Part(kept),
            Some(end) if known + end == kept.len() => Self::Whole(kept),
            Some(_) => Self::Unknown,
        };
    }

    /// Notes that hyper has made a request, and returns its bytes if they are known. Bytes of a body may follow unless
    /// the request is `bodiless`.
    pub(crate) fn take(&mut self, is_bodiless: bool) -> Option<Zeroizing<Vec<u8>>> {
        match std::mem::replace(self, Self::Unknown) {
            Self::Whole(head) if is_bodiless => {
                *self = Self::Nothing;
                Some(head)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    fn after(pieces: &[&[u8]]) -> RequestBytes {
        let mut bytes = RequestBytes::Nothing;
        for piece in pieces {
            bytes.pass(piece, 100);
        }
        bytes
    }

    #[test]
    fn a_head_is_whole_when_its_first_empty_line_is_its_end() {
        let (first, second) = HEAD.split_at(HEAD.len() - 2);
        for pieces in [
            &[HEAD][..],
            &[first, second],
            &[b"GET / HTTP/1.1\n", b"host: x\n", b"\n"],
            &[b"\r\n", HEAD],
        ] {
            let mut bytes = after(pieces);
            assert_eq!(bytes.take(true).as_deref(), Some(&pieces.concat()), "{pieces:?}");
            assert!(bytes.is_between_requests());
        }
    }

    #[test]
    fn a_connection_on_which_the_end_of_a_request_was_not_sure_stays_unknown() {
        let long = [b'a'; 101];
        let twice = [HEAD, HEAD].concat();
        for pieces in [
            &[&HEAD[..10]][..],
            &[&twice],
            &[HEAD, b"G"],
            &[&HEAD[..10], &[&HEAD[10..], b"x"].concat()],
            &[b"\r\n\r\n", HEAD],
            &[b"\n\r\n", HEAD],
            &[&long],
        ] {
            let mut bytes = after(pieces);
            assert_eq!(bytes.take(true), None, "{pieces:?}");
            bytes.pass(HEAD, 100);
            assert!(bytes.take(true).is_none() && !bytes.is_between_requests());
        }
        let mut with_a_body = after(&[HEAD]);
        assert!(with_a_body.take(false).is_none() && !with_a_body.is_between_requests());
        let mut from_nowhere = after(&[]);
        assert!(from_nowhere.take(true).is_none() && !from_nowhere.is_between_requests());
    }

    proptest::proptest! {
        /// hyper finds the end where httparse does; so the first empty line has to be that end.
        #[test]
        fn a_whole_head_is_one_for_hyper_too(lines in "[a-z: \r\n]{0,30}", end in "\r?\n\r?\n") {
            let head = format!("GET / HTTP/1.1\r\n{lines}{end}");
            if let RequestBytes::Whole(bytes) = after(&[head.as_bytes()]) {
                let mut fields = [httparse::EMPTY_HEADER; 32];
                let parsed = httparse::Request::new(&mut fields).parse(&bytes);
                if let Ok(httparse::Status::Complete(length)) = parsed {
                    proptest::prop_assert_eq!(length, bytes.len());
                } else {
                    proptest::prop_assert!(parsed.is_err());
                }
            }
        }
    }
}
