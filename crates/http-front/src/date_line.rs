//! The header field `date`, made once a second.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;

thread_local! {
    /// The second since 1970 of the line.
    static LAST: RefCell<(u64, Bytes)> = const { RefCell::new((0, Bytes::new())) };
}

/// Returns the field `date` of this moment and the empty line that ends a head (RFC 9110, section 6.6.1).
pub(crate) fn now() -> Bytes {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    LAST.with_borrow_mut(|(second, line)| {
        if line.is_empty() || *second != since.as_secs() {
            *second = since.as_secs();
            *line = line_of(*second);
        }
        line.clone()
    })
}

fn line_of(second: u64) -> Bytes {
    let date = UNIX_EPOCH + Duration::from_secs(second);
    format!("date: {}\r\n\r\n", httpdate::fmt_http_date(date)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_standard() {
        let line = line_of(784_111_777);
        assert_eq!(line, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
        assert!(now().starts_with(b"date: "));
    }
}
