//! token-crypto
