//! Seals and opens the tokens that feed consumers present.
//!
//! A token says which MISP site to ask, with which key, until which day, and what its holder may have ([`Scope`]).
//! Only who has the encryption key can make or read one; consumers carry it as an opaque word.
//!
//! - [`KeyRing`] holds the keys: [`KeyRing::seal`] makes a token, [`KeyRing::open`] reads one.
//! - [`Claims`] is what is inside, with [`ExpiryDay`], [`Scope`] and [`Permissions`].
//! - [`generate_key`] and [`generate_salt`] make fresh secrets; [`cache_key()`] derives the one that seals what replicas share.
//!
//! # The token
//!
//! base64url without padding of: version (1 byte, `0x01`), key id (4 bytes), nonce (24 bytes), ciphertext and tag.
//! XChaCha20-Poly1305; key = HKDF-SHA256(encryption key, salt, `cratos/token/v1`); version and key id are authenticated.
//! The plaintext is described in `src/wire.rs`; the names it abbreviates in `src/wire/names.rs`.
//!
//! # Features
//!
//! - `legacy-tokens` (default): tokens made by Cratos FastAPI open too. They are never made.
//!
//! # What it does not do
//!
//! It has no clock and no network: whether a token has ended, is revoked or comes from the right address is asked by
//! the caller, with [`ExpiryDay::has_ended`], [`token_sha256`] and [`Scope::permits_address`].
#![doc = ""]
#![doc = include_str!("../README.md")]

mod cache_key;
mod claims;
mod error;
mod expiry;
mod journal_key;
mod keygen;
#[cfg(feature = "legacy-tokens")]
mod legacy;
mod ring;
mod scope;
mod sealed;
mod text;
mod wire;

pub use cache_key::cache_key;
pub use claims::{Claims, TokenFormat, TokenId};
pub use error::{KeyError, OpenError, RandomError, SealError};
pub use expiry::{ExpiryDay, NoSuchDay};
pub use journal_key::journal_key;
pub use keygen::{generate_key, generate_salt};
pub use ring::{KeyRing, KeyRingBuilder, LegacyDerivation, Opened, SealedToken};
pub use scope::{Allowed, Permission, Permissions, Scope, UnknownPermission};
pub use text::{MAX_TOKEN_LEN, token_sha256};
pub use tlp::{Tlp, UnknownTlp};
pub use web_protocol::{Protocol, UnknownProtocol};
