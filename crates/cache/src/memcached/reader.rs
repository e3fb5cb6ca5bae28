//! Reading from a memcached, bounded.

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncReadExt as _};

use crate::{MAX_ITEM_BYTES, StoreError};

/// Longest line that a server's answer may have.
const MAX_LINE: usize = 1024;

/// Bytes of a message beside the value: extras and a key.
const BESIDE_VALUE: usize = 512;

/// Reads this many bytes of a value. A length beyond our values is refused before memory is reserved.
pub(super) async fn bytes<R: AsyncBufRead + Unpin>(from: &mut R, length: usize) -> Result<Bytes, StoreError> {
    if length > MAX_ITEM_BYTES + BESIDE_VALUE {
        return Err(StoreError::Protocol("a value larger than any of ours"));
    }
    let mut value = vec![0; length];
    from.read_exact(&mut value).await.map_err(StoreError::Broken)?;
    Ok(Bytes::from(value))
}

/// Reads a line that ends with CR LF and returns it without.
pub(super) async fn line<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<Vec<u8>, StoreError> {
    let mut line = Vec::new();
    loop {
        match from.read_u8().await.map_err(StoreError::Broken)? {
            b'\n' if line.last() == Some(&b'\r') => {
                line.pop();
                return Ok(line);
            }
            _ if line.len() >= MAX_LINE => return Err(StoreError::Protocol("a line without an end")),
            byte => line.push(byte),
        }
    }
}
