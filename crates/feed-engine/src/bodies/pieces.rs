//! The bytes of one body, in pieces that are never moved.
//!
//! A body grows while others read its beginning. One long vector would be copied each time it grows, and callers could
//! not hold a part of it meanwhile.

use std::io::{self, Write};
use std::mem;

use bytes::Bytes;

/// The first piece, in bytes: a caller gets it early.
const FIRST_BYTES: usize = 64 * 1024;

/// The largest piece. Each next one is twice as long as the one before, up to this.
const MOST_BYTES: usize = 1024 * 1024;

/// A body up to this length is one piece in the end, in bytes: it is sent more often than it is made.
const JOINED_BYTES: usize = 4 * 1024 * 1024;

/// Cuts bytes into pieces, up to a limit, and gives each piece away when it is full.
#[derive(Debug)]
pub(crate) struct PieceWriter<F> {
    give: F,
    piece: Vec<u8>,
    next_bytes: usize,
    length: u64,
    limit: u64,
    is_too_small: bool,
}

impl<F: FnMut(Bytes)> PieceWriter<F> {
    /// Returns a writer of no more than `limit` bytes.
    pub(crate) fn new(limit: u64, give: F) -> Self {
        Self {
            give,
            piece: Vec::new(),
            next_bytes: FIRST_BYTES,
            length: 0,
            limit,
            is_too_small: false,
        }
    }

    /// Gives the rest away and returns the length of all, nothing if it is beyond the limit.
    pub(crate) fn finish(mut self) -> Option<u64> {
        self.piece.shrink_to_fit();
        self.give_piece();
        (!self.is_too_small).then_some(self.length)
    }

    fn give_piece(&mut self) {
        if !self.piece.is_empty() {
            (self.give)(mem::take(&mut self.piece).into());
        }
    }
}

impl<F: FnMut(Bytes)> Write for PieceWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.limit - self.length {
            self.is_too_small = true;
        }
        if self.is_too_small {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(self.next_bytes);
            self.next_bytes = MOST_BYTES.min(2 * self.next_bytes);
        }
        let room = self.piece.capacity() - self.piece.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.piece.extend_from_slice(taken);
        self.length += taken.len() as u64;
        if self.piece.len() == self.piece.capacity() {
            self.give_piece();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns these pieces of a body as they are kept: one for a body that is not long.
pub(crate) fn joined(pieces: Vec<Bytes>) -> Vec<Bytes> {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if pieces.len() < 2 || length > JOINED_BYTES {
        return pieces;
    }
    let mut whole = Vec::with_capacity(length);
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    vec![whole.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limit: u64, bytes: &[u8], each: usize) -> (Vec<Bytes>, Option<u64>) {
        let mut pieces = Vec::new();
        let mut writer = PieceWriter::new(limit, |piece| pieces.push(piece));
        let _ = bytes.chunks(each).try_for_each(|part| writer.write_all(part));
        let length = writer.finish();
        (pieces, length)
    }

    #[test]
    fn the_pieces_are_the_bytes_and_grow_to_a_mebibyte() {
        let bytes: Vec<u8> = (0..5_000_003_u32).map(|number| number as u8).collect();
        let (pieces, length) = written(u64::MAX, &bytes, 999);
        assert_eq!(length, Some(5_000_003));
        assert!(pieces.concat() == bytes);
        let lengths: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(
            lengths[..5],
            [
                FIRST_BYTES,
                2 * FIRST_BYTES,
                4 * FIRST_BYTES,
                8 * FIRST_BYTES,
                MOST_BYTES
            ]
        );
        assert!(lengths[5..].iter().all(|length| *length <= MOST_BYTES));
        assert_eq!(joined(pieces.clone()).len(), pieces.len());
    }

    #[test]
    fn a_body_that_is_not_long_becomes_one_piece() {
        let bytes = vec![7; 200_000];
        let (pieces, _) = written(u64::MAX, &bytes, 64);
        assert_eq!(pieces.len(), 3);
        assert_eq!(joined(pieces), [Bytes::from(bytes)]);
        assert_eq!(written(9, b"", 1), (Vec::new(), Some(0)));
    }

    #[test]
    fn nothing_is_written_beyond_the_limit() {
        assert_eq!(written(4, b"1234", 2), (vec![Bytes::from("1234")], Some(4)));
        assert_eq!(written(4, b"12345", 2).1, None);
    }

    #[test]
    fn bodies_of_up_to_four_mebibytes_are_kept_in_one_piece() {
        for (length, kept) in [(JOINED_BYTES, 1), (JOINED_BYTES + 1, 2)] {
            let pieces = joined(vec![vec![0; 1].into(), vec![0; length - 1].into()]);
            assert_eq!(pieces.len(), kept, "{length}");
            assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), length);
        }
    }
}
