//! The memory that a large set takes while it is made.

use feed_classification::{IndicatorType, ValueList};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const COUNT: u32 = 200_000;

/// Hashes in an order that is not theirs.
fn hash(number: u32) -> String {
    format!("{:064x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[test]
fn hashes_are_sorted_without_a_second_copy_of_them() {
    let before = MEMORY.current_usage();
    let mut list = ValueList::new(IndicatorType::FileSha256);
    (0..COUNT).for_each(|number| list.push(&hash(number)));
    MEMORY.reset_peak_usage();
    let (set, times) = list.into_timed_set((0..COUNT).map(|place| (place, i64::from(place))));
    let each = (MEMORY.peak_usage() - before) / COUNT as usize;
    assert_eq!((set.len(), times.len()), (COUNT as usize, COUNT as usize));
    assert!(set.iter().is_sorted() && (0..COUNT).step_by(997).all(|number| set.contains(&hash(number))));
    // The text, what it is sorted by (16 bytes), its time (4) and two marks.
    assert!(each <= 64 + 16 + 4 + 2 + 2, "{each} bytes for each hash");
}
