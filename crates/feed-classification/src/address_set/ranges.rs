//! Sorted ranges of numbers that neither overlap nor touch.

/// A number that has a next and a previous one.
pub(super) trait Number: Copy + Ord {
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

impl Number for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Number for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

/// Ranges, each with its first and its last number, in order, with at least one number between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges<N>(Vec<(N, N)>);

impl<N> Default for Ranges<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Ranges<N> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<N: Number> Ranges<N> {
    /// Returns the ranges that cover the given ones, which may come in any order and overlap.
    pub(super) fn of(mut given: Vec<(N, N)>) -> Self {
        given.sort_unstable();
        given.dedup_by(|(first, last), before| {
            // No number follows the last one, so nothing can begin behind it.
            let joins = before.1.next().is_none_or(|next| *first <= next);
            if joins {
                before.1 = before.1.max(*last);
            }
            joins
        });
        given.shrink_to_fit();
        Self(given)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (N, N)> {
        self.0.iter().copied()
    }

    pub(super) fn contains(&self, number: N) -> bool {
        self.overlaps(number, number)
    }

    pub(super) fn overlaps(&self, first: N, last: N) -> bool {
        self.reaching(first).is_some_and(|(begin, _)| begin <= last)
    }

    pub(super) fn covers(&self, first: N, last: N) -> bool {
        self.reaching(first)
            .is_some_and(|(begin, end)| begin <= first && last <= end)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()).collect())
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        let mut cuts = other.0.as_slice();
        let mut left = Vec::with_capacity(self.len());
        for (first, last) in self.iter() {
            // Most often the next cut is one of the first; a single range may lie behind very many.
            if cuts.first().is_some_and(|(_, end)| *end < first) {
                cuts = cuts.split_at(cuts.partition_point(|(_, end)| *end < first)).1;
            }
            // A cut may reach into the next range too, so it is only looked at here and dropped above.
            let mut from = Some(first);
            for (begin, end) in cuts.iter().take_while(|(begin, _)| *begin <= last) {
                if let (Some(from), Some(before)) = (from, begin.previous())
                    && from <= before
                {
                    left.push((from, before));
                }
                from = end.next();
            }
            if let Some(from) = from.filter(|from| *from <= last) {
                left.push((from, last));
            }
        }
        Self(left)
    }

    /// The first range that ends at this number or behind it.
    fn reaching(&self, number: N) -> Option<(N, N)> {
        let position = self.0.partition_point(|(_, end)| *end < number);
        self.0.get(position).copied()
    }
}
