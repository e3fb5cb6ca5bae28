//! The keys of an installation: one seals, all of them open.

use std::fmt;
#[cfg(feature = "legacy-tokens")]
use std::sync::{Arc, OnceLock};

use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "legacy-tokens")]
use crate::legacy;
use crate::{
    Claims, KeyError, OpenError, RandomError, RandomSource, SealError, TokenFormat, TokenId, randomness, seal,
    seal::{SealingKey, Trial},
    text::{self, MAX_TOKEN_LEN, Padding, Presented},
};

/// The holder of a token could guess a shorter key with a few graphics cards.
const MIN_KEY_LEN: usize = 16;
const MAX_KEYS: usize = 16;
/// The first byte of a legacy token, also if the ring cannot open them.
const LEGACY_VERSION: u8 = 0x80;

/// The keys of an installation: the first seals, all of them open.
///
/// Opening takes the same time for every wrong token of the same length. `Debug` shows key ids, which every token has
/// in clear, and nothing else.
///
/// ```
/// use token_crypto::{Claims, ExpiryDay, KeyRing, OpenError, Protocol};
///
/// let (old, new, salt) = ("0123456789ABCDEF", "FEDCBA9876543210", "a salt".into());
/// let claims = Claims::new("192.0.2.7", Protocol::Https, 443, "k".repeat(40).into(), ExpiryDay::parse("2027-12-31")?);
/// let token = KeyRing::builder(&salt).key(old.into()).legacy(false).build()?.seal(&claims)?;
///
/// // After a change of keys the new one seals, and the old token still opens.
/// let ring = KeyRing::builder(&salt).key(new.into()).key(old.into()).legacy(false).build()?;
/// assert_eq!(ring.open(token.expose())?.claims.site, "192.0.2.7");
///
/// let without = KeyRing::builder(&salt).key(new.into()).legacy(false).build()?;
/// assert_eq!(without.open(token.expose()).unwrap_err(), OpenError::UnknownKey);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyRing {
    keys: Vec<SealingKey>,
    dummy: SealingKey,
    random: RandomSource,
    #[cfg(feature = "legacy-tokens")]
    legacy: LegacyKeys,
}

/// Keys of legacy tokens; another thread may still be deriving them.
#[cfg(feature = "legacy-tokens")]
struct LegacyKeys {
    are_accepted: bool,
    derived: Arc<OnceLock<Arc<[legacy::FernetKey]>>>,
    /// Those of the ring before, in use until then.
    until_then: Option<Arc<[legacy::FernetKey]>>,
}

#[cfg(feature = "legacy-tokens")]
impl LegacyKeys {
    /// Returns the keys that are in use now, or `None` before the first ones are derived.
    fn now(&self) -> Option<&Arc<[legacy::FernetKey]>> {
        self.derived.get().or(self.until_then.as_ref())
    }
}

/// The slow half of building a [`KeyRing`]: it derives the keys of legacy tokens.
///
/// ```
/// use token_crypto::KeyRing;
///
/// let (ring, derivation) = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).build_in_two(None)?;
/// let deriving = std::thread::spawn(move || derivation.derive());
/// // The ring opens its own tokens meanwhile, and legacy ones from here on:
/// deriving.join().unwrap();
/// assert!(!ring.is_deriving());
/// # Ok::<(), token_crypto::KeyError>(())
/// ```
#[must_use = "no legacy token opens before the keys are derived"]
pub struct LegacyDerivation {
    #[cfg(feature = "legacy-tokens")]
    keys: Vec<SecretString>,
    #[cfg(feature = "legacy-tokens")]
    salt: SecretString,
    #[cfg(feature = "legacy-tokens")]
    derived: Arc<OnceLock<Arc<[legacy::FernetKey]>>>,
}

impl LegacyDerivation {
    /// Derives the keys and hands them to the ring: 600 000 hash rounds, some tenths of a second, for each key. Returns
    /// at once if the ring does not accept legacy tokens.
    pub fn derive(self) {
        #[cfg(feature = "legacy-tokens")]
        {
            let derive = |key| legacy::FernetKey::derive(key, &self.salt);
            // Only this call sets it.
            let _ = self.derived.set(self.keys.iter().map(derive).collect());
        }
    }
}

impl fmt::Debug for LegacyDerivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyDerivation").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Returns a builder without keys; `salt` is the text of the configuration.
    #[must_use]
    pub fn builder(salt: &SecretString) -> KeyRingBuilder {
        KeyRingBuilder {
            salt: salt.clone(),
            keys: Vec::new(),
            legacy: true,
            random: randomness::DEFAULT,
        }
    }

    /// Returns a token that carries these claims, sealed with the first key; an id is drawn if they have none.
    ///
    /// # Errors
    /// [`SealError`] if a token cannot hold the claims.
    pub fn seal(&self, claims: &Claims) -> Result<SealedToken, SealError> {
        let mut claims = claims.clone();
        if claims.id.is_unset() {
            claims.id = random_id(self.random)?;
        }
        let key = self.keys.first().ok_or(SealError::Cipher)?;
        let token = text::unpadded(&key.seal(&claims.encode()?, self.random)?);
        if token.len() > MAX_TOKEN_LEN {
            return Err(SealError::TooLong);
        }
        Ok(SealedToken {
            text: SecretString::from(token),
            id: claims.id,
        })
    }

    /// Opens a token of either format. The caller checks whether it has ended:
    /// [`ExpiryDay::has_ended`](crate::ExpiryDay::has_ended).
    ///
    /// A legacy token also opens with characters that the decoder of Cratos FastAPI skipped, for example with quotes
    /// around it, and a token of version 1 with `+` and `/` for `-` and `_`. [`OpenedToken::fingerprint`] is always
    /// that of the proper spelling.
    ///
    /// # Errors
    /// [`OpenError`] names the fault. Every text up to [`MAX_TOKEN_LEN`] is decoded and tried as both formats with
    /// every key before the first error is returned, so the time reveals the length of the text and nothing else.
    pub fn open(&self, token: &str) -> Result<OpenedToken, OpenError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(OpenError::TooLong);
        }
        let presented = Presented::read(token);
        let ours = seal::open(&self.keys, &self.dummy, &presented.bytes);
        #[cfg(feature = "legacy-tokens")]
        let (are_accepted, theirs) = {
            // Read once: the keys may arrive at any moment, and a token that was not tried with them must not count as
            // broken.
            let keys = self.legacy.now();
            if keys.is_none() && self.legacy.are_accepted && presented.lenient.first() == Some(&legacy::VERSION) {
                return Err(OpenError::LegacyKeyPending);
            }
            let keys = keys.map_or(&[][..], |keys| keys);
            (self.legacy.are_accepted, legacy::open(keys, &presented.lenient))
        };

        if presented.padding == Padding::NotBase64 {
            // No encoder spells it like this. Cratos FastAPI skipped foreign characters, so its tokens still open; ours
            // do not.
            #[cfg(feature = "legacy-tokens")]
            if presented.lenient.first() == Some(&legacy::VERSION) && theirs.is_some() {
                return open_legacy(&presented.lenient, theirs);
            }
            return Err(OpenError::NotBase64);
        }
        match presented.bytes.first() {
            Some(&seal::VERSION) => open_v1(&presented, ours),
            #[cfg(feature = "legacy-tokens")]
            Some(&legacy::VERSION) if are_accepted && presented.padding == Padding::Left => Err(OpenError::NotBase64),
            #[cfg(feature = "legacy-tokens")]
            Some(&legacy::VERSION) if are_accepted => open_legacy(&presented.bytes, theirs),
            Some(&LEGACY_VERSION) => Err(OpenError::LegacyRefused),
            _ => Err(OpenError::Malformed),
        }
    }
}

impl KeyRing {
    /// Returns whether the ring accepts legacy tokens and their keys are still being derived. Costs next to nothing.
    #[must_use]
    pub fn is_deriving(&self) -> bool {
        #[cfg(feature = "legacy-tokens")]
        return self.legacy.are_accepted && self.legacy.now().is_none();
        #[cfg(not(feature = "legacy-tokens"))]
        return false;
    }

    /// Returns whether every text opens, or does not, as it will from now on. While the keys of legacy tokens are being
    /// derived, those of the ring before may open a token that the new ones do not. Costs next to nothing.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        #[cfg(feature = "legacy-tokens")]
        return !self.legacy.are_accepted || self.legacy.derived.get().is_some();
        #[cfg(not(feature = "legacy-tokens"))]
        return true;
    }

    /// Returns whether this token looks like a legacy one while their keys are still being derived. [`KeyRing::open`]
    /// returns [`OpenError::LegacyKeyPending`] for it until then.
    #[must_use]
    pub fn awaits_legacy_key(&self, token: &str) -> bool {
        self.is_deriving()
            && token.len() <= MAX_TOKEN_LEN
            && Presented::read(token).lenient.first() == Some(&LEGACY_VERSION)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

fn open_v1(presented: &Presented, trial: Trial) -> Result<OpenedToken, OpenError> {
    if presented.padding == Padding::Right {
        return Err(OpenError::NotBase64);
    }
    if presented.bytes.len() < seal::MIN_LEN {
        return Err(OpenError::Malformed);
    }
    let plaintext = match trial {
        Trial::UnknownKey => return Err(OpenError::UnknownKey),
        Trial::Broken => return Err(OpenError::SealBroken),
        Trial::Opened(plaintext) => plaintext,
    };
    let claims = Claims::decode(&plaintext)?;
    let proper = SecretString::from(text::unpadded(&presented.bytes));
    Ok(OpenedToken {
        claims,
        format: TokenFormat::V1,
        fingerprint: text::token_sha256(proper.expose_secret()),
        proper,
    })
}

#[cfg(feature = "legacy-tokens")]
fn open_legacy(bytes: &[u8], trial: Option<zeroize::Zeroizing<Vec<u8>>>) -> Result<OpenedToken, OpenError> {
    if bytes.len() < legacy::MIN_LEN {
        return Err(OpenError::Malformed);
    }
    let plaintext = trial.ok_or(OpenError::SealBroken)?;
    let proper = SecretString::from(text::padded(bytes));
    let fingerprint = text::token_sha256(proper.expose_secret());
    let claims = legacy::read(&plaintext, id_from(&fingerprint))?;
    Ok(OpenedToken {
        claims,
        format: TokenFormat::Legacy,
        fingerprint,
        proper,
    })
}

/// The first 16 digits of the fingerprint, so that a log line and the revocation list can be matched by eye.
#[cfg(feature = "legacy-tokens")]
fn id_from(fingerprint: &str) -> TokenId {
    let digits = fingerprint.get(..16).unwrap_or_default();
    TokenId::from_bytes(u64::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes())
}

fn random_id(random: RandomSource) -> Result<TokenId, RandomError> {
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    Ok(TokenId::from_bytes(bytes))
}

/// Collects the secrets of a [`KeyRing`].
///
/// ```
/// use token_crypto::KeyRing;
///
/// let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).legacy(false).build()?;
/// # let _ = ring;
/// # Ok::<(), token_crypto::KeyError>(())
/// ```
pub struct KeyRingBuilder {
    salt: SecretString,
    keys: Vec<SecretString>,
    legacy: bool,
    random: RandomSource,
}

impl KeyRingBuilder {
    /// Adds an encryption key, as text. The first key seals; the later ones only open tokens that they sealed before.
    #[must_use]
    pub fn key(mut self, key: SecretString) -> Self {
        self.keys.push(key);
        self
    }

    /// Sets whether tokens of Cratos FastAPI open too. The default is yes, if the feature `legacy-tokens` is on.
    #[must_use]
    pub fn legacy(mut self, accepted: bool) -> Self {
        self.legacy = accepted;
        self
    }

    /// Sets the source of random bytes for nonces and ids of new tokens. The default is the operating system, where the
    /// feature `os-random` is on. Opening tokens needs no random bytes.
    #[must_use]
    pub fn random(mut self, source: RandomSource) -> Self {
        self.random = source;
        self
    }

    /// Builds the ring. With legacy tokens this takes 600 000 hash rounds, some tenths of a second, per key.
    ///
    /// # Errors
    /// [`KeyError`] without a key or salt, with a key below 16 characters or given twice, with more than 16 keys.
    pub fn build(self) -> Result<KeyRing, KeyError> {
        let (ring, legacy) = self.build_in_two(None)?;
        legacy.derive();
        Ok(ring)
    }

    /// Builds the ring at once, and the [`LegacyDerivation`] that another thread runs. Until it has ended, legacy
    /// tokens open with the keys of `before`; without such keys they do not open ([`OpenError::LegacyKeyPending`]).
    ///
    /// # Errors
    /// As [`KeyRingBuilder::build`].
    pub fn build_in_two(self, before: Option<&KeyRing>) -> Result<(KeyRing, LegacyDerivation), KeyError> {
        self.check()?;
        let mut keys: Vec<SealingKey> = Vec::with_capacity(self.keys.len());
        let mut dummy = None;
        for (position, key) in self.keys.iter().enumerate() {
            dummy.get_or_insert_with(|| SealingKey::dummy(key, &self.salt));
            let key = SealingKey::derive(key, &self.salt);
            if keys.iter().any(|other| other.id() == key.id()) {
                return Err(KeyError::KeyTwice { position });
            }
            keys.push(key);
        }
        #[cfg(not(feature = "legacy-tokens"))]
        let _ = before;
        #[cfg(feature = "legacy-tokens")]
        let derived = Arc::new(OnceLock::new());
        let ring = KeyRing {
            keys,
            dummy: dummy.ok_or(KeyError::NoKey)?,
            random: self.random,
            #[cfg(feature = "legacy-tokens")]
            legacy: LegacyKeys {
                are_accepted: self.legacy,
                derived: Arc::clone(&derived),
                until_then: before
                    .filter(|before| self.legacy && before.legacy.are_accepted)
                    .and_then(|before| before.legacy.now().cloned()),
            },
        };
        let derivation = LegacyDerivation {
            #[cfg(feature = "legacy-tokens")]
            keys: if self.legacy { self.keys } else { Vec::new() },
            #[cfg(feature = "legacy-tokens")]
            salt: self.salt,
            #[cfg(feature = "legacy-tokens")]
            derived,
        };
        Ok((ring, derivation))
    }

    fn check(&self) -> Result<(), KeyError> {
        if self.salt.expose_secret().is_empty() {
            return Err(KeyError::NoSalt);
        }
        if self.keys.is_empty() {
            return Err(KeyError::NoKey);
        }
        if self.keys.len() > MAX_KEYS {
            return Err(KeyError::TooManyKeys { max: MAX_KEYS });
        }
        match self.keys.iter().position(|key| key.expose_secret().len() < MIN_KEY_LEN) {
            Some(position) => Err(KeyError::KeyTooShort {
                position,
                min: MIN_KEY_LEN,
            }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for KeyRingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRingBuilder")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// A token that was opened; returned by [`KeyRing::open`].
///
/// ```
/// use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol, TokenFormat};
///
/// let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).legacy(false).build()?;
/// let day = ExpiryDay::parse("2027-12-31")?;
/// let claims = Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), day);
/// let token = ring.seal(&claims)?;
///
/// let opened = ring.open(token.expose())?;
/// assert_eq!((opened.format, opened.claims.port), (TokenFormat::V1, 443));
/// assert_eq!(opened.fingerprint(), token.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenedToken {
    /// The contents.
    pub claims: Claims,
    /// The format that it came in.
    pub format: TokenFormat,
    fingerprint: String,
    proper: SecretString,
}

impl OpenedToken {
    /// Returns the [`token_sha256`](crate::token_sha256) of the token in its proper spelling, even if it came in
    /// another one. So a revoked token cannot come back, for example with `+` for `-`.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the token in its proper spelling: a secret, for a caller that must open it again later.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.proper
    }
}

/// A fresh token: a secret, shown by [`expose`](Self::expose) only; returned by [`KeyRing::seal`].
///
/// ```
/// use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol};
///
/// let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).legacy(false).build()?;
/// let day = ExpiryDay::parse("2027-12-31")?;
/// let token = ring.seal(&Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), day))?;
/// assert_eq!(format!("{token:?}"), format!("SealedToken({})", token.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SealedToken {
    text: SecretString,
    id: TokenId,
}

impl SealedToken {
    /// Returns the token itself, for the consumer.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Returns the id that logs show.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// Returns the entry for `blacklisted_api_tokens` that revokes the token.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        text::token_sha256(self.expose())
    }
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedToken({})", self.id)
    }
}
