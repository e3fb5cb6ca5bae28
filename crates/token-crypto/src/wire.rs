//! The plaintext of a token, forms 1 and 2.
//!
//! ```text
//! 1  form            0x01, or 0x02 with limits at the end
//! 1  flags           bits below
//! 1  permissions     bit per permission, unknown bits refused
//! 3  expiry          days since 1900-01-01, big endian
//! 8  token id
//! 2  port            only with PORT: it is not the protocol's own
//! 1+ site            length, then the name
//! 30 MISP key        with PACKED_KEY: 40 alphanumerics in base 62; else length and bytes
//!    feeds, types, outputs, each only with its flag: count, then names (see `names`)
//!    networks        only with NETWORKS: count, then networks (see `network`)
//! 1+ label           only with LABEL: length, then UTF-8
//! 2+ limits          only in form 2 (see `limits`)
//! ```
//! Nothing may follow. Claims have one form only, except that names that a later version abbreviates may be spelled
//! out. A change that older versions would misread takes a new form number. For example an older version would ignore
//! the limits of a token and answer too much, or give feeds to a token that reads none.

mod auth_key;
mod limits;
mod names;
mod network;
mod site;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use self::limits::Limits;
pub(crate) use self::site::is_site;
use crate::{Allowed, Claims, ExpiryDay, OpenError, Protocol, Scope, SealError, TokenId, scope::Permissions};

const FORM: u8 = 1;
const FORM_WITH_LIMITS: u8 = 2;
const MAX_LABEL_LEN: usize = 64;
/// Large enough that an ordinary token never moves in memory while it is written, which would leave copies behind.
const CAPACITY: usize = 2048;

mod flag {
    pub(super) const HTTPS: u8 = 1;
    pub(super) const PORT: u8 = 1 << 1;
    pub(super) const PACKED_KEY: u8 = 1 << 2;
    pub(super) const FEEDS: u8 = 1 << 3;
    pub(super) const TYPES: u8 = 1 << 4;
    pub(super) const OUTPUTS: u8 = 1 << 5;
    pub(super) const NETWORKS: u8 = 1 << 6;
    pub(super) const LABEL: u8 = 1 << 7;
}

impl Claims {
    /// Returns the plaintext that a token carries, unencrypted, for a program that transports claims in another
    /// envelope.
    ///
    /// It contains the MISP key, and is wiped from memory when dropped.
    ///
    /// ```
    /// use token_crypto::{Claims, ExpiryDay, Protocol};
    ///
    /// let day = ExpiryDay::parse("2027-12-31")?;
    /// let claims = Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), day);
    /// assert_eq!(Claims::decode(&claims.encode()?)?, claims);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`] for a site, key, label, name or list that a token cannot hold.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut out = Zeroizing::new(Vec::with_capacity(CAPACITY));
        let packed = auth_key::pack(self.auth_key.expose_secret());
        let form = if limits::are_in(&self.scope) {
            FORM_WITH_LIMITS
        } else {
            FORM
        };
        out.extend_from_slice(&[form, flags(self, packed.is_some()), self.scope.permissions.to_wire()]);
        let [_, expiry @ ..] = self.expires.to_wire().to_be_bytes();
        out.extend_from_slice(&expiry);
        out.extend_from_slice(&self.id.to_bytes());
        if self.port != self.protocol.default_port() {
            out.extend_from_slice(&self.port.to_be_bytes());
        }
        if !is_site(&self.site) {
            return Err(SealError::Site);
        }
        write_text(&mut out, &self.site).ok_or(SealError::Site)?;
        match packed {
            Some(key) => out.extend_from_slice(&*key),
            None => auth_key::write(&mut out, self.auth_key.expose_secret()).ok_or(SealError::AuthKey)?,
        }
        names::write(&mut out, names::FEEDS, &self.scope.feeds)?;
        names::write(&mut out, names::TYPES, &self.scope.types)?;
        names::write(&mut out, names::OUTPUTS, &self.scope.outputs)?;
        network::write(&mut out, &self.scope.networks)?;
        if let Some(label) = &self.label {
            if !is_label(label) {
                return Err(SealError::Label);
            }
            write_text(&mut out, label).ok_or(SealError::Label)?;
        }
        limits::write(&mut out, &self.scope);
        Ok(out)
    }

    /// Returns the claims that [`encode`](Self::encode) wrote; any other bytes are refused.
    ///
    /// # Errors
    /// [`OpenError::BadContents`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OpenError> {
        let mut reader = Reader(bytes);
        read(&mut reader)
            .filter(|_| reader.0.is_empty())
            .ok_or(OpenError::BadContents)
    }
}

fn flags(claims: &Claims, packed_key: bool) -> u8 {
    let scope = &claims.scope;
    [
        (flag::HTTPS, claims.protocol == Protocol::Https),
        (flag::PORT, claims.port != claims.protocol.default_port()),
        (flag::PACKED_KEY, packed_key),
        (flag::FEEDS, scope.feeds != Allowed::All),
        (flag::TYPES, scope.types != Allowed::All),
        (flag::OUTPUTS, scope.outputs != Allowed::All),
        (flag::NETWORKS, !scope.networks.is_empty()),
        (flag::LABEL, claims.label.is_some()),
    ]
    .into_iter()
    .fold(0, |flags, (bit, set)| if set { flags | bit } else { flags })
}

fn read(from: &mut Reader<'_>) -> Option<Claims> {
    let has_limits = match from.byte()? {
        FORM => false,
        FORM_WITH_LIMITS => true,
        _ => return None,
    };
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    let permissions = Permissions::from_wire(from.byte()?)?;
    let [high, middle, low] = from.array()?;
    let expires = ExpiryDay::from_wire(u32::from_be_bytes([0, high, middle, low]))?;
    let id = TokenId::from_bytes(from.array()?);
    let protocol = if has(flag::HTTPS) {
        Protocol::Https
    } else {
        Protocol::Http
    };
    let port = if has(flag::PORT) {
        u16::from_be_bytes(from.array()?)
    } else {
        protocol.default_port()
    };
    if has(flag::PORT) && port == protocol.default_port() {
        return None;
    }
    let site = from.text().filter(|site| is_site(site))?.to_owned();
    let auth_key = read_auth_key(from, has(flag::PACKED_KEY))?;
    let feeds = names::read(from, names::FEEDS, has(flag::FEEDS))?;
    let types = names::read(from, names::TYPES, has(flag::TYPES))?;
    let outputs = names::read(from, names::OUTPUTS, has(flag::OUTPUTS))?;
    let networks = if has(flag::NETWORKS) {
        network::read(from)?
    } else {
        Vec::new()
    };
    let label = if has(flag::LABEL) {
        Some(from.text().filter(|label| is_label(label))?.to_owned())
    } else {
        None
    };
    let Limits { max_tlp, reads_feeds } = if has_limits { limits::read(from)? } else { Limits::NONE };
    let scope = Scope {
        feeds,
        types,
        outputs,
        max_tlp,
        networks,
        reads_feeds,
        permissions,
    };
    Some(Claims {
        site,
        protocol,
        port,
        auth_key,
        expires,
        scope,
        label,
        id,
    })
}

fn read_auth_key(from: &mut Reader<'_>, packed: bool) -> Option<SecretString> {
    if packed {
        auth_key::unpack(&from.array()?)
    } else {
        auth_key::read(from)
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len()) && !label.chars().any(char::is_control)
}

/// Writes length and text. Returns `None` for a text longer than 255 bytes.
fn write_text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text.as_bytes());
    Some(())
}

/// Reads from the front. A method returns `None` if not enough is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a length, then that many bytes of UTF-8.
    fn text(&mut self) -> Option<&'a str> {
        let len = usize::from(self.byte()?);
        std::str::from_utf8(self.take(len)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tlp;

    fn ordinary() -> Claims {
        let key = SecretString::from("aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD");
        let scope = Scope::new()
            .with_feeds(["block"])
            .with_networks(["10.0.0.0/8".parse().unwrap()]);
        Claims::new(
            "misp.example.net",
            Protocol::Https,
            443,
            key,
            ExpiryDay::parse("2027-12-31").unwrap(),
        )
        .with_scope(scope)
        .with_label("fw1")
        .with_id(TokenId::from_bytes([7; 8]))
    }

    /// Tokens in use keep this form: the test changes only together with `FORM`.
    #[test]
    fn the_form_on_the_wire_never_changes() {
        let mut expected = vec![1, 0b1100_1101, 0, 0x00, 0xB6, 0x9E];
        expected.extend([7; 8]);
        expected.extend(b"\x10misp.example.net");
        // Two halves of 20 base-62 digits, computed with another tool.
        expected.extend(*b"\x4F\x2F\x33\x6F\x97\x57\x06\x42\xE7\x72\x91\x4F\xE5\xAB\x0D");
        expected.extend(*b"\x7B\xAA\x55\x8A\x41\xA9\x21\xBD\x34\xF5\x92\x0E\x4E\x88\x9D");
        expected.extend([1, 3]); // one feed: block
        expected.extend([1, 8, 10]); // one network: 10/8
        expected.extend(b"\x03fw1");
        assert_eq!(*ordinary().encode().unwrap(), expected);
    }

    fn limited(level: Tlp) -> Claims {
        let scope = ordinary().scope.with_max_tlp(level);
        ordinary().with_scope(scope)
    }

    /// A version that knows form 1 alone must not take it for a token without limits, so the form number comes first.
    #[test]
    fn limits_take_a_form_of_their_own_and_no_limit_takes_none() {
        let (plain, limited_bytes) = (ordinary().encode().unwrap(), limited(Tlp::Amber).encode().unwrap());
        let mut expected = plain.to_vec();
        expected[0] = 2;
        expected.extend([1, 3]);
        assert_eq!(*limited_bytes, expected);
        assert_eq!(*limited(Tlp::Red).encode().unwrap(), *plain);
        for level in Tlp::ALL {
            let bytes = limited(level).encode().unwrap();
            assert_eq!(Claims::decode(&bytes).unwrap().scope.max_tlp, level);
        }
    }

    /// Versions that know form 1 alone, and those of form 2 that know no bit but the first, would hand such a token its
    /// feeds.
    #[test]
    fn a_token_that_reads_no_feeds_is_refused_by_older_versions() {
        let only = |claims: Claims| {
            let scope = claims.scope.clone().only([crate::Permission::Lookup]);
            claims.with_scope(scope)
        };
        let plain = only(ordinary()).encode().unwrap();
        let (first, last) = (plain.first(), plain.last());
        assert_eq!((first, last), (Some(&FORM_WITH_LIMITS), Some(&2)));
        let limited = only(limited(Tlp::Amber)).encode().unwrap();
        assert_eq!(limited.get(limited.len() - 2..), Some(&[3, 3][..]));
        for bytes in [plain, limited] {
            let read = Claims::decode(&bytes).unwrap();
            assert!(!read.scope.reads_feeds && read.scope.permits(crate::Permission::Lookup));
        }
    }

    #[test]
    fn a_form_does_not_pass_as_the_other() {
        for (claims, other) in [(ordinary(), 2), (limited(Tlp::Clear), 1), (ordinary(), 3)] {
            let mut bytes = claims.encode().unwrap().to_vec();
            bytes[0] = other;
            assert_eq!(Claims::decode(&bytes), Err(OpenError::BadContents));
        }
    }

    #[test]
    fn every_cut_and_every_surplus_byte_is_refused() {
        let only = limited(Tlp::Green).scope.only([crate::Permission::Stream]);
        for claims in [ordinary(), limited(Tlp::Green), ordinary().with_scope(only)] {
            let bytes = claims.encode().unwrap();
            assert_eq!(Claims::decode(&bytes).unwrap(), claims);
            for len in 0..bytes.len() {
                assert_eq!(Claims::decode(&bytes[..len]), Err(OpenError::BadContents), "{len}");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(Claims::decode(&longer), Err(OpenError::BadContents));
        }
    }

    #[test]
    fn a_port_that_needs_no_saying_is_refused_when_said() {
        let mut bytes = ordinary().encode().unwrap().to_vec();
        bytes[1] |= flag::PORT;
        bytes.splice(14..14, 443_u16.to_be_bytes());
        assert_eq!(Claims::decode(&bytes), Err(OpenError::BadContents));
        bytes.splice(14..16, 8443_u16.to_be_bytes());
        assert_eq!(Claims::decode(&bytes).unwrap().port, 8443);
    }

    #[test]
    fn claims_that_a_token_cannot_hold_are_refused_by_name() {
        let refusal = |change: fn(&mut Claims)| {
            let mut claims = ordinary();
            change(&mut claims);
            claims.encode().map(|_| ()).unwrap_err()
        };
        assert_eq!(refusal(|claims| claims.site = "a b".into()), SealError::Site);
        assert_eq!(refusal(|claims| claims.auth_key = "".into()), SealError::AuthKey);
        assert_eq!(refusal(|claims| claims.auth_key = "a key".into()), SealError::AuthKey);
        assert_eq!(
            refusal(|claims| claims.auth_key = "k".repeat(256).into()),
            SealError::AuthKey
        );
        assert_eq!(refusal(|claims| claims.label = Some(String::new())), SealError::Label);
        assert_eq!(refusal(|claims| claims.label = Some("a\nb".into())), SealError::Label);
        assert_eq!(refusal(|claims| claims.label = Some("x".repeat(65))), SealError::Label);
        let name = SealError::Name { list: "types" };
        assert_eq!(refusal(|claims| claims.scope.types = Allowed::only(["a/b"])), name);
        let many = SealError::TooMany {
            list: "networks",
            max: 32,
        };
        assert_eq!(
            refusal(|claims| claims.scope.networks = vec!["10.0.0.0/8".parse().unwrap(); 33]),
            many
        );
    }
}
