//! The grammars of values, one file each. Each takes a whole value and returns its normal form, or the reason to drop
//! it.

pub(crate) mod address;
pub(crate) mod email;
pub(crate) mod hash;
pub(crate) mod identifier;
pub(crate) mod name;
pub(crate) mod text;
pub(crate) mod url;
pub(crate) mod wallet;
