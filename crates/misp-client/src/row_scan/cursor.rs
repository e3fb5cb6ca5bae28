//! Walks over the bytes of JSON that is written as MISP writes it.
//!
//! Everything here either finds exactly what it expects or says that it does not: it never judges whether the bytes are
//! JSON at all. That is left to serde, to which the caller turns then.

use std::borrow::Cow;

/// Why a walk does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes at hand end.
    End,
    /// Something else than expected: serde has to look at it.
    Odd,
}

/// A place in some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The bytes between the quotes of a text, as they are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    /// With its quotes.
    quoted: &'a [u8],
    has_escapes: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bytes before it.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(crate) fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::End)
    }

    /// Goes past the white space between two parts.
    pub(crate) fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes this byte if it is the next one.
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool, Stop> {
        let is_next = self.peek()? == byte;
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.take(byte)? { Ok(()) } else { Err(Stop::Odd) }
    }

    /// Takes these bytes, a whole word.
    pub(crate) fn word(&mut self, word: &[u8]) -> Result<(), Stop> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(if word.starts_with(rest) { Stop::End } else { Stop::Odd })
    }

    /// Takes a text.
    pub(crate) fn text(&mut self) -> Result<Written<'a>, Stop> {
        let from = self.at;
        self.expect(b'"')?;
        let mut has_escapes = false;
        loop {
            self.at += ordinary_bytes(self.rest()).ok_or(Stop::End)?;
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    let quoted = self.bytes.get(from..self.at).unwrap_or_default();
                    return Ok(Written { quoted, has_escapes });
                }
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                _ => return Err(Stop::Odd),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stop> {
        let (kind, digits) = (self.bytes.get(self.at + 1).ok_or(Stop::End)?, self.at + 2..self.at + 6);
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(digits).ok_or(Stop::End)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Stop::Odd);
                }
                self.at += 6;
            }
            _ => return Err(Stop::Odd),
        }
        Ok(())
    }

    /// Takes a whole number from 0 to 2^63 − 1, written with or without quotes.
    pub(crate) fn number(&mut self) -> Result<u64, Stop> {
        let is_quoted = self.take(b'"')?;
        let from = self.at;
        let mut number = 0_u64;
        while let digit @ b'0'..=b'9' = self.peek()? {
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(u64::from(digit - b'0')))
                .ok_or(Stop::Odd)?;
            self.at += 1;
        }
        let digits = self.bytes.get(from..self.at).unwrap_or_default();
        let is_plain = digits == b"0" || digits.first().is_some_and(|first| *first != b'0');
        let ends = if is_quoted {
            self.take(b'"')?
        } else {
            matches!(self.peek()?, b',' | b'}' | b']' | b' ' | b'\n')
        };
        let fits = i64::try_from(number).is_ok();
        if is_plain && ends && fits {
            Ok(number)
        } else {
            Err(Stop::Odd)
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Stop> {
        match self.peek()? {
            b't' => self.word(b"true").map(|()| true),
            b'f' => self.word(b"false").map(|()| false),
            _ => Err(Stop::Odd),
        }
    }

    /// Does the same as [`pass`](Self::pass), and stops at a text that cannot be held: serde takes such a row in
    /// another way.
    pub(crate) fn pass_readable(&mut self) -> Result<(), Stop> {
        match self.peek()? {
            b'"' => self.text()?.read().map(drop),
            _ => self.pass(),
        }
    }

    /// Goes past a text, a whole number, a word, or an empty list.
    pub(crate) fn pass(&mut self) -> Result<(), Stop> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'n' => self.word(b"null"),
            b'0'..=b'9' => self.number().map(drop),
            b'[' => self.word(b"[]"),
            _ => self.flag().map(drop),
        }
    }
}

impl<'a> Written<'a> {
    /// Returns the bytes between the quotes; nothing if some are escaped.
    pub(crate) fn plain(self) -> Option<&'a [u8]> {
        let inner = self.quoted.get(1..self.quoted.len().saturating_sub(1));
        inner.filter(|_| !self.has_escapes)
    }

    /// Returns the text.
    pub(crate) fn read(self) -> Result<Cow<'a, str>, Stop> {
        match self.plain() {
            Some(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Stop::Odd),
            None => serde_json::from_slice(self.quoted)
                .map(Cow::Owned)
                .map_err(|_| Stop::Odd),
        }
    }
}

/// Returns the number of bytes before the first one that ends a run of ordinary bytes of a text: a quote, a backslash
/// or a control character.
fn ordinary_bytes(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let ends = ends_in(u64::from_le_bytes(*word));
        if ends != 0 {
            return Some(place * 8 + ends.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(words.len() * 8 + in_rest)
}

/// Returns a number whose lowest bit is in the first byte of the word that ends a run; 0 if there is none.
///
/// Subtracting a small number from a byte borrows into the bytes above it, so only the first such byte is sure.
const fn ends_in(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST_BITS: u64 = EACH << 7;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(EACH * bound as u64) & !word
    }
    let quotes = below(word ^ (EACH * b'"' as u64), 1);
    let backslashes = below(word ^ (EACH * b'\\' as u64), 1);
    (quotes | backslashes | below(word, 0x20)) & HIGHEST_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_the_first_byte_that_is_not_ordinary_wherever_it_stands() {
        for end in 0..=u8::MAX {
            for place in 0..20 {
                for other in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                    let mut bytes = [other; 24];
                    bytes[place] = end;
                    let ends = end == b'"' || end == b'\\' || end < 0x20;
                    assert_eq!(
                        ordinary_bytes(&bytes),
                        ends.then_some(place),
                        "{end:#x} after {other:#x}"
                    );
                    bytes[place + 1] = b'"';
                    let first = if ends { place } else { place + 1 };
                    assert_eq!(ordinary_bytes(&bytes), Some(first), "{end:#x} before a quote");
                }
            }
        }
    }
}
