//! feed-classification
