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
                && rest.starts_with(written)
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
}
