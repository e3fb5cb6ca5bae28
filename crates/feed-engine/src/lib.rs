//! feed-engine
