//! cratosd
fn main() {}
