//! Compressed forms of a body, made once and kept.

use std::io::Write as _;

use bytes::Bytes;

use crate::FeedError;

/// How the bytes of a body are compressed (`Content-Encoding`).
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

/// Feeds are compressed once per change and served many times, while a cold caller waits: the middle of each scale.
const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 5;
const ZSTD_LEVEL: i32 = 3;

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

    /// Returns what an entity tag of this form ends in, so that each form has its own.
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
        let failed = |error| FeedError::internal("compressing a body", error);
        match self {
            Self::Identity => Ok(plain.clone()),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(plain).map_err(failed)?;
                encoder.finish().map(Bytes::from).map_err(failed)
            }
            Self::Brotli => {
                let mut compressed = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut plain.as_ref(), &mut compressed, &parameters).map_err(failed)?;
                Ok(Bytes::from(compressed))
            }
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL).map(Bytes::from).map_err(failed),
        }
    }
}
