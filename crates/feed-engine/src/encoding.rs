//! Compressed forms of a body.

use std::io::{self, Write};

use bytes::Bytes;

use crate::FeedError;

/// The compression of a body (`Content-Encoding`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// As the exporter wrote it.
    #[default]
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// Feeds have little that repeats: higher levels take many times as long and win nothing, or a tenth at most. The bench
/// `compression` measures it; `docs/performance.md` has the numbers.
const GZIP_LEVEL: u32 = 4;
const BROTLI_QUALITY: i32 = 1;
const ZSTD_LEVEL: i32 = 3;

/// What Brotli writes in one go, in bytes.
const BROTLI_BUFFER_BYTES: usize = 64 * 1024;

impl Encoding {
    /// Every encoding, best first for bodies of this kind.
    pub const ALL: &[Self] = &[Self::Zstd, Self::Brotli, Self::Gzip, Self::Identity];

    /// Returns the name in `Accept-Encoding` and `Content-Encoding`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Returns the end of an entity tag of this form, so that each form has its own tag.
    #[must_use]
    pub fn etag_suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => "-gzip",
            Self::Brotli => "-br",
            Self::Zstd => "-zstd",
        }
    }

    /// Returns these bytes in this form.
    ///
    /// # Errors
    /// Of [`Fault::Ours`](crate::Fault::Ours) where the compression fails, which is a defect.
    pub fn compress(self, plain: &Bytes) -> Result<Bytes, FeedError> {
        let compressed = Encoder::new(self, Vec::new()).and_then(|mut packed| {
            packed.write_all(plain)?;
            packed.finish()
        });
        compressed
            .map(Bytes::from)
            .map_err(|error| FeedError::internal("compressing a body", error))
    }
}

/// Compresses all bytes written into it.
pub(crate) enum Encoder<W: Write> {
    Plain(W),
    Gzip(flate2::write::GzEncoder<W>),
    Brotli(Box<brotli::CompressorWriter<W>>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(encoding: Encoding, sink: W) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Identity => Self::Plain(sink),
            Encoding::Gzip => Self::Gzip(flate2::write::GzEncoder::new(
                sink,
                flate2::Compression::new(GZIP_LEVEL),
            )),
            Encoding::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    ..Default::default()
                };
                let writer = brotli::CompressorWriter::with_params(sink, BROTLI_BUFFER_BYTES, &parameters);
                Self::Brotli(Box::new(writer))
            }
            Encoding::Zstd => Self::Zstd(zstd::Encoder::new(sink, ZSTD_LEVEL)?),
        })
    }

    /// Ends the compressed bytes and returns the sink.
    ///
    /// # Errors
    /// Those of the sink; for Brotli they are lost, so a sink has to remember that it failed.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(sink) => Ok(sink),
            Self::Gzip(writer) => writer.finish(),
            Self::Brotli(writer) => Ok(writer.into_inner()),
            Self::Zstd(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sink) => sink.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
            Self::Brotli(writer) => writer.write(bytes),
            Self::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
