//! The rule by which a new set of a feed has lost too much to be served at once.

/// A feed of up to so many values may lose any part of them, but not all.
const ALWAYS_BELIEVED: usize = 100;

/// Returns whether a feed of `before` values loses so many of them that `after` is not believed at once.
pub(crate) fn is_too_large(before: usize, after: usize) -> bool {
    before > 0 && (after == 0 || (before > ALWAYS_BELIEVED && after <= before / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_feed_of_any_size_and_a_halved_one_of_more_than_a_hundred_lose_too_much() {
        for (before, after, expected) in [
            (0, 0, false),
            (1, 0, true),
            (100, 0, true),
            (100, 1, false),
            (101, 51, false),
            (101, 50, true),
            (102, 51, true),
            (102, 52, false),
            (1_000, 1_000, false),
        ] {
            assert_eq!(is_too_large(before, after), expected, "{before} to {after}");
        }
    }
}
