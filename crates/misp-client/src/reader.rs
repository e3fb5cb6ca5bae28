//! Reads the body of a search's answer without any network.

use crate::attribute::WholeAttribute;
use crate::endpoints::attributes;
use crate::json::{SplitError, Splitter};
use crate::{Attribute, Error};

/// Reads one page of `POST /attributes/restSearch` from pieces of its body, as
/// [`AttributePages`](crate::AttributePages) does.
///
/// For answers that were saved to a file, and for measuring. It holds only the bytes that are not a row yet.
///
/// ```
/// # fn main() -> Result<(), misp_client::Error> {
/// let mut reader = misp_client::AttributeReader::new();
/// let mut rows = Vec::new();
/// reader.push(br#"{"response": {"Attribute": [{"id":"7","type":"ip-d"#, &mut rows)?;
/// reader.push(br#"st","value":"192.0.2.1","to_ids":true}]}}"#, &mut rows)?;
/// reader.finish(&mut rows)?;
/// assert_eq!(rows[0].value, "192.0.2.1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AttributeReader {
    splitter: Splitter,
    keeps_extra: bool,
}

impl Default for AttributeReader {
    fn default() -> Self {
        Self::new()
    }
}

impl AttributeReader {
    /// Starts at the beginning of a body.
    #[must_use]
    pub fn new() -> Self {
        Self {
            splitter: Splitter::new(attributes::ROWS),
            keeps_extra: false,
        }
    }

    /// Fills [`Attribute::extra`] too, which takes about twice as long.
    #[must_use]
    pub fn keep_extra(mut self, keep: bool) -> Self {
        self.keeps_extra = keep;
        self
    }

    /// Takes the next piece of the body and adds the rows that it completes to `rows`.
    ///
    /// # Errors
    /// [`NotJson`](crate::ErrorKind::NotJson), [`UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) for JSON of
    /// another shape, [`TooLarge`](crate::ErrorKind::TooLarge) for an element over 16 MiB. The rows so far are then not
    /// an answer.
    pub fn push(&mut self, piece: &[u8], rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.read(
            rows,
            |splitter, out| splitter.push(piece, out),
            |splitter, out| splitter.push(piece, out),
        )
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`CutShort`](crate::ErrorKind::CutShort) when the document is not at its end.
    pub fn finish(&mut self, rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.read(rows, Splitter::finish, Splitter::finish)
    }

    /// Returns how many rows there were so far, unusable ones included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.splitter.rows()
    }

    /// Returns how many rows were JSON, but without an id, a type or a value that can be held.
    #[must_use]
    pub fn unusable(&self) -> u64 {
        self.splitter.unusable()
    }

    fn read(
        &mut self,
        rows: &mut Vec<Attribute>,
        plain: impl FnOnce(&mut Splitter, &mut Vec<Attribute>) -> Result<(), SplitError>,
        whole: impl FnOnce(&mut Splitter, &mut Vec<WholeAttribute>) -> Result<(), SplitError>,
    ) -> Result<(), Error> {
        if !self.keeps_extra {
            return plain(&mut self.splitter, rows).map_err(attributes::error);
        }
        let mut with_extra = Vec::new();
        let outcome = whole(&mut self.splitter, &mut with_extra);
        rows.extend(with_extra.into_iter().map(|row| row.0));
        outcome.map_err(attributes::error)
    }
}
