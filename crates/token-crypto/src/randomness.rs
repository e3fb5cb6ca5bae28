//! Where random bytes come from.

use crate::RandomError;

/// A source of random bytes: it fills the whole slice, or says why it cannot.
///
/// With the feature `os-random` every ring has the operating system as its source. A program without one, for example a
/// plugin of a proxy in WebAssembly, gives the source of its host. The bytes must be fit for keys: unpredictable, and
/// never the same twice.
///
/// ```
/// use token_crypto::{KeyRing, RandomError, generate_key_from};
///
/// fn host(bytes: &mut [u8]) -> Result<(), RandomError> {
///     // A real source asks the host here.
///     getrandom::fill(bytes).map_err(|error| RandomError::new(error.to_string()))
/// }
///
/// let key = generate_key_from(host)?;
/// let ring = KeyRing::builder(&"a salt".into()).key(key).random(host).legacy(false).build()?;
/// # let _ = ring;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type RandomSource = fn(&mut [u8]) -> Result<(), RandomError>;

/// The source of a ring that is given none.
#[cfg(feature = "os-random")]
pub(crate) const DEFAULT: RandomSource =
    |bytes| getrandom::fill(bytes).map_err(|error| RandomError::new(error.to_string()));

/// The source of a ring that is given none.
#[cfg(not(feature = "os-random"))]
pub(crate) const DEFAULT: RandomSource = |_| {
    Err(RandomError::new(
        "built without the feature `os-random`; give a source to KeyRingBuilder::random",
    ))
};
