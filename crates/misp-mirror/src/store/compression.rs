//! Compression with a limit: the length of the text (4 bytes, little-endian), then one zstd frame.

use zstd::bulk::{Compressor, Decompressor};

/// The longest text, in bytes.
pub(crate) const MAX_TEXT: usize = 256 << 20;

const LEVEL: i32 = 3;

/// Compresses and decompresses one text after the other, with the same buffers.
#[derive(Default)]
pub(crate) struct Compression {
    compressor: Option<Compressor<'static>>,
    decompressor: Option<Decompressor<'static>>,
    text: Vec<u8>,
}

impl Compression {
    /// Returns the compressed text; nothing if it is too long.
    pub(crate) fn compress(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let length = u32::try_from(text.len()).ok()?.to_le_bytes();
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(LEVEL).ok()?),
        };
        let frame = compressor.compress(text).ok()?;
        Some([length.as_slice(), &frame].concat())
    }

    /// Returns the text; nothing if the bytes are damaged or the text is too long.
    pub(crate) fn decompress(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        let (length, frame) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > MAX_TEXT {
            return None;
        }
        self.text.clear();
        self.text.reserve_exact(length);
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().ok()?),
        };
        // zstd never writes more than the capacity, for any input.
        let written = decompressor.decompress_to_buffer(frame, &mut self.text).ok()?;
        (written == length).then_some(self.text.as_slice())
    }
}
