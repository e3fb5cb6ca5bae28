//! A list that is never moved in memory when it grows.

/// A list of millions of small things. One vector would be copied each time it grows, and the memory of the copies
/// before would still count when the last one is as long as all of them.
#[derive(Debug)]
pub(crate) struct LongList<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

/// The memory of a block, in bytes.
const BLOCK_BYTES: usize = 1024 * 1024;

impl<T> LongList<T> {
    const EACH: usize = {
        let each = BLOCK_BYTES / size_of::<T>();
        if each == 0 { 1 } else { each }
    };

    /// Returns an empty list, which takes no memory yet.
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, thing: T) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < Self::EACH => block.push(thing),
            last => {
                // The first block of a short list grows as it must.
                let room = if last.is_some() { Self::EACH } else { 1 };
                let mut block = Vec::with_capacity(room);
                block.push(thing);
                self.blocks.push(block);
            }
        }
        self.len += 1;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    /// Returns the memory that the things take, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.capacity() * size_of::<T>()).sum()
    }
}

/// Gives the memory of each block back when its things were taken.
impl<T> IntoIterator for LongList<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_order_and_their_memory_does_not_double() {
        let mut list = LongList::new();
        (0..1_000_000_u64).for_each(|number| list.push(number));
        assert!(list.iter().copied().eq(0..1_000_000));
        assert!(list.weight_bytes() < 8_000_000 + BLOCK_BYTES, "{}", list.weight_bytes());
        assert_eq!(list.len(), 1_000_000);
        assert!(list.into_iter().eq(0..1_000_000));
    }

    #[test]
    fn a_short_list_takes_little_memory() {
        let mut list = LongList::new();
        (0..9_u64).for_each(|number| list.push(number));
        assert!(list.weight_bytes() <= 16 * 8, "{}", list.weight_bytes());
    }
}
