//! Identifiers that follow from a name.

use sha1::{Digest as _, Sha1};

/// The namespace of all identifiers: `a078e882-9a16-57a7-862c-3f3d66dc2009`, the UUIDv5 of
/// `urn:cratos:feed-classification` in the namespace of URLs (RFC 9562).
///
/// It must never change: receivers would take every object for a new one.
const NAMESPACE: [u8; 16] = [
    0xa0, 0x78, 0xe8, 0x82, 0x9a, 0x16, 0x57, 0xa7, 0x86, 0x2c, 0x3f, 0x3d, 0x66, 0xdc, 0x20, 0x09,
];

/// A UUID of version 5, as its 36 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameUuid([u8; 36]);

impl NameUuid {
    /// Returns the UUID of a name, which is the parts one after another.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut hash = Sha1::new();
        hash.update(NAMESPACE);
        parts.iter().for_each(|part| hash.update(part.as_bytes()));
        let digest = hash.finalize();
        let mut text = [b'-'; 36];
        let mut places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        for (index, byte) in digest.iter().take(16).enumerate() {
            let byte = match index {
                6 => (byte & 0x0f) | 0x50,
                8 => (byte & 0x3f) | 0x80,
                _ => *byte,
            };
            for digit in [byte >> 4, byte & 0xf] {
                let place = places.next().and_then(|place: usize| text.get_mut(place));
                if let (Some(place), Some(digit)) = (place, b"0123456789abcdef".get(usize::from(digit))) {
                    *place = *digit;
                }
            }
        }
        Self(text)
    }

    /// Returns the 36 characters.
    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::NameUuid;

    /// The second one is Python's `uuid.uuid5(namespace, "")`.
    #[test]
    fn identifiers_are_those_of_other_implementations() {
        let text = |parts: &[&str]| String::from_utf8(NameUuid::of(parts).as_bytes().to_vec()).unwrap();
        assert_eq!(text(&["cra", "tos"]), "4c507e3f-99ce-5f4a-98ae-ba09f36986db");
        assert_eq!(text(&[]), "282e838e-5321-53b8-a577-3bcdb528b8b7");
    }
}
