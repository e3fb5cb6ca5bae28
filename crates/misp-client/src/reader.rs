//! The body of a search's answer, read without any network.

use crate::endpoints::attributes;
use crate::json::Splitter;
use crate::{Attribute, Error};

/// Reads one page of `POST /attributes/restSearch` from pieces of its body, as [`AttributePages`](crate::AttributePages) does.
///
/// For answers that were saved to a file, and for measuring. Only what has not become a row yet is held.
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
pub struct AttributeReader(Splitter);

impl Default for AttributeReader {
    fn default() -> Self {
        Self::new()
    }
}

impl AttributeReader {
    /// Starts at the beginning of a body.
    #[must_use]
    pub fn new() -> Self {
        Self(Splitter::new(attributes::ROWS))
    }

    /// Takes the next piece of the body and adds the rows that it completes to `rows`.
    ///
    /// # Errors
    /// [`NotJson`](crate::ErrorKind::NotJson), [`UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) for JSON of another
    /// shape, [`TooLarge`](crate::ErrorKind::TooLarge) for an element over 16 MiB. The rows so far are then not an answer.
    pub fn push(&mut self, piece: &[u8], rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.0.push(piece, rows).map_err(attributes::error)
    }

    /// Says that the body ends here.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`CutShort`](crate::ErrorKind::CutShort) when the document is not at its end.
    pub fn finish(&mut self, rows: &mut Vec<Attribute>) -> Result<(), Error> {
        self.0.finish(rows).map_err(attributes::error)
    }

    /// Returns how many rows there were so far, unusable ones included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.0.rows()
    }

    /// Returns how many rows were JSON, but without an id, a type or a value that can be held.
    #[must_use]
    pub fn unusable(&self) -> u64 {
        self.0.unusable()
    }
}
