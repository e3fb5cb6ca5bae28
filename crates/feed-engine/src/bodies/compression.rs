//! Writers between an exporter and its destination: blocks, compression, and a bound.

use std::io::{self, Write};

use crate::Encoding;
use crate::encoding::Encoder;

/// The length of the blocks that a compression is given: always the same, since the compressed bytes may depend on it,
/// and they have to be the same whether a body is kept or streamed.
const BLOCK_BYTES: usize = 64 * 1024;

/// Takes the plain bytes of a body in any pieces and passes them on compressed.
pub(crate) struct Compressor<W: Write> {
    packed: Encoder<W>,
    block: Vec<u8>,
}

impl<W: Write> Compressor<W> {
    /// Compresses into `sink`.
    ///
    /// # Errors
    /// When the compression cannot begin.
    pub(crate) fn new(encoding: Encoding, sink: W) -> io::Result<Self> {
        Ok(Self {
            packed: Encoder::new(encoding, sink)?,
            block: Vec::with_capacity(BLOCK_BYTES),
        })
    }

    /// Ends the body and returns the sink.
    ///
    /// # Errors
    /// Those of the sink, but for the last bytes of Brotli: a sink has to remember that it failed.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.packed.write_all(&self.block)?;
        self.packed.finish()
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK_BYTES - self.block.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.block.extend_from_slice(taken);
        if self.block.len() == BLOCK_BYTES {
            self.packed.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Memory for a body with a limit in bytes.
#[derive(Debug)]
pub(crate) struct BoundedWriter {
    bytes: Vec<u8>,
    limit: usize,
    is_too_small: bool,
}

impl BoundedWriter {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            bytes: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            is_too_small: false,
        }
    }

    /// Returns the bytes, none if they were too many.
    pub(crate) fn into_bytes(mut self) -> Option<Vec<u8>> {
        self.bytes.shrink_to_fit();
        (!self.is_too_small).then_some(self.bytes)
    }
}

impl Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            self.is_too_small = true;
            self.bytes = Vec::new();
        }
        if self.is_too_small {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts bytes and throws them away.
#[derive(Debug, Default)]
pub(crate) struct Counter(u64);

impl Counter {
    /// Returns how many bytes were written.
    pub(crate) const fn written(&self) -> u64 {
        self.0
    }
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
