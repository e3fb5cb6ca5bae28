//! The order of the fields of a row: nearly all rows of an answer have the same.

use super::cursor::{Cursor, Stop};
use super::field::Field;

/// Keys that are remembered; MISP writes about 20.
const MOST_KEYS: usize = 40;
/// A longer key is read each time.
const MAX_BYTES: usize = 64;
/// A row with more keys out of the order has an order of its own, which is learned anew from the next row.
const MOST_MISSES: usize = 3;

/// The keys of an earlier row in their order, each as it was written, with its colon. A key that is the expected one is
/// compared once, and not read.
#[derive(Debug, Default)]
pub(super) struct FieldOrder {
    keys: Vec<(Box<[u8]>, Field)>,
    next: usize,
    misses: usize,
    is_learning: bool,
}

impl FieldOrder {
    pub(super) fn begin_row(&mut self) {
        if self.misses > MOST_MISSES {
            self.keys.clear();
        }
        self.is_learning = self.keys.is_empty();
        (self.next, self.misses) = (0, 0);
    }

    /// Takes the next key with its colon.
    pub(super) fn key(&mut self, cursor: &mut Cursor<'_>) -> Result<Field, Stop> {
        let rest = cursor.rest();
        // A row may lack one of the keys.
        for place in [self.next, self.next + 1] {
            if let Some((written, field)) = self.keys.get(place)
                && begins_with(rest, written)
            {
                self.next = place + 1;
                cursor.skip(written.len());
                return Ok(*field);
            }
        }
        let before = cursor.place();
        let name = cursor.text()?.plain().ok_or(Stop::Odd)?;
        cursor.space();
        cursor.expect(b':')?;
        let field = Field::named(name)?;
        if self.is_learning {
            self.learn(rest.get(..cursor.place() - before).unwrap_or_default(), field);
        } else {
            self.misses += 1;
        }
        Ok(field)
    }

    fn learn(&mut self, written: &[u8], field: Field) {
        if written.len() <= MAX_BYTES && self.keys.len() < MOST_KEYS {
            self.keys.push((written.into(), field));
            self.next = self.keys.len();
        }
    }
}

/// Returns what `starts_with` does. Keys have some 5 to 20 bytes, and a call for each would take longer than to compare
/// its first and its last eight bytes, which may overlap.
fn begins_with(bytes: &[u8], beginning: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..beginning.len()) else {
        return false;
    };
    match (bytes.split_first_chunk::<8>(), beginning.split_first_chunk::<8>()) {
        (Some((first, rest)), Some((of_beginning, rest_of_beginning))) => {
            first == of_beginning
                && bytes.last_chunk::<8>() == beginning.last_chunk::<8>()
                && (rest.len() <= 8 || rest == rest_of_beginning)
        }
        _ => bytes.iter().eq(beginning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(order: &mut FieldOrder, keys: &[u8]) {
        let mut cursor = Cursor::new(keys);
        order.begin_row();
        while !cursor.rest().is_empty() {
            order.key(&mut cursor).unwrap();
        }
    }

    /// Only the time of the next rows depends on it, so no reader of rows can show it.
    #[test]
    fn an_order_is_remembered_until_a_row_has_another_one() {
        let mut order = FieldOrder::default();
        read(&mut order, br#""id":"type":"value":"#);
        assert_eq!(order.keys.len(), 3);
        read(&mut order, br#""id":"value":"#);
        assert_eq!((order.keys.len(), order.misses), (3, 0));
        for misses in [5, 0] {
            read(&mut order, br#""value":"type":"id":"event_id":"uuid":"category":"#);
            assert_eq!(order.misses, misses);
        }
        assert_eq!(order.keys.len(), 6);
    }

    #[test]
    fn a_beginning_is_found_whatever_its_length_and_a_changed_byte_is_seen() {
        let bytes = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..bytes.len() {
            let beginning = &bytes[..length];
            assert!(begins_with(bytes, beginning) && begins_with(beginning, beginning));
            assert!(!begins_with(beginning, &bytes[..length + 1]));
            for place in 0..length {
                let mut other = beginning.to_vec();
                other[place] ^= 1;
                assert!(!begins_with(bytes, &other), "{length} bytes, changed at {place}");
            }
        }
    }
}
