//! Seals and opens the tokens that feed consumers present.
//!
//! A token names the MISP site to ask, the MISP key, the day on which it stops working, and the [`Scope`] of its
//! holder. Only the holder of the encryption key can make or read one; for a consumer it is an opaque word.
//!
//! - [`KeyRing`] holds the keys: [`KeyRing::seal`] makes a token, [`KeyRing::open`] reads one.
//! - [`Claims`] are the contents, with [`ExpiryDay`], [`Scope`] and [`Permissions`].
//! - [`generate_key`] and [`generate_salt`] make fresh secrets. [`cache_key()`] derives the key of a cache that
//!   replicas share, [`journal_key()`] that of a journal on disk, [`mirror_key()`] that of mirrors.
//!
//! # The token
//!
//! base64url without padding of: version (1 byte, `0x01`), key id (4 bytes), nonce (24 bytes), ciphertext and tag.
//! XChaCha20-Poly1305; key = HKDF-SHA256(encryption key, salt, `cratos/token/v1`); version and key id are
//! authenticated. The plaintext is described in `src/wire.rs`; the names it abbreviates in `src/wire/names.rs`.
//!
//! # Features
//!
//! - `legacy-tokens` (default): tokens made by Cratos FastAPI open too. The crate never makes them.
//! - `os-random` (default): random bytes come from the operating system; without it from a [`RandomSource`].
//! - `wasm-js`: random bytes from JavaScript, for `wasm32-unknown-unknown`.
//!
//! # Limits
//!
//! The crate has no clock and no network. The caller checks whether a token has ended, is revoked or comes from an
//! allowed address, with [`ExpiryDay::has_ended`], [`OpenedToken::fingerprint`] and [`Scope::permits_address`].
#![doc = ""]
#![doc = include_str!("../README.md")]

mod auth_key;
mod cache_key;
mod claims;
mod derivation;
pub mod description;
mod error;
mod expiry;
mod journal_key;
mod keygen;
#[cfg(feature = "legacy-tokens")]
mod legacy;
mod mirror_key;
mod randomness;
mod ring;
mod scope;
mod seal;
mod text;
mod wire;

pub use auth_key::{AuthKeyError, read_auth_key};
pub use cache_key::cache_key;
pub use claims::{Claims, TokenFormat, TokenId};
pub use error::{KeyError, OpenError, RandomError, SealError};
pub use expiry::{ExpiryDay, NoSuchDay};
pub use journal_key::journal_key;
#[cfg(feature = "os-random")]
pub use keygen::{generate_key, generate_salt};
pub use keygen::{generate_key_from, generate_salt_from};
pub use mirror_key::mirror_key;
pub use randomness::RandomSource;
pub use ring::{KeyRing, KeyRingBuilder, LegacyDerivation, OpenedToken, SealedToken};
pub use scope::{Allowed, Permission, Permissions, Scope, UnknownPermission};
pub use text::{MAX_TOKEN_LEN, token_sha256};
pub use tlp::{Tlp, UnknownTlp};
pub use web_protocol::{Protocol, UnknownProtocol};
