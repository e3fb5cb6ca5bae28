//! How closed what a token's holder may see can be.

use std::fmt;
use std::str::FromStr;

/// A level of the Traffic Light Protocol (FIRST, TLP 2.0), from open to closed.
///
/// In a [`Scope`](crate::Scope) it is the most closed one that the holder may see; red is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TlpLevel {
    /// For everybody (`clear`).
    Clear,
    /// For the community (`green`).
    Green,
    /// For the organisation and its clients (`amber`).
    Amber,
    /// For the organisation alone (`amber+strict`).
    AmberStrict,
    /// For those who are named (`red`).
    #[default]
    Red,
}

impl TlpLevel {
    /// Every level, from open to closed.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// Returns the name, as behind `tlp:` in a tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::AmberStrict => "amber+strict",
            Self::Red => "red",
        }
    }

    /// Returns, in a sentence for people, what a holder may see who is limited to this level.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Clear => "Only what everybody may know.",
            Self::Green => "What the community may know.",
            Self::Amber => "What the organisation and its clients may know.",
            Self::AmberStrict => "What the organisation alone may know.",
            Self::Red => "Everything.",
        }
    }

    /// The byte on the wire; never reused for another meaning. None for what is not written there.
    pub(crate) fn to_wire(self) -> Option<u8> {
        Some(match self {
            Self::Clear => 1,
            Self::Green => 2,
            Self::Amber => 3,
            Self::AmberStrict => 4,
            Self::Red => return None,
        })
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.to_wire() == Some(byte))
    }
}

impl fmt::Display for TlpLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No level has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such TLP level; there are clear, green, amber, amber+strict and red")]
#[non_exhaustive]
pub struct UnknownTlpLevel;

/// Takes the names in exact spelling.
impl FromStr for TlpLevel {
    type Err = UnknownTlpLevel;

    fn from_str(name: &str) -> Result<Self, UnknownTlpLevel> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or(UnknownTlpLevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_go_from_open_to_closed() {
        for level in TlpLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert!(TlpLevel::ALL.is_sorted());
        assert_eq!("Amber".parse::<TlpLevel>(), Err(UnknownTlpLevel));
    }

    /// Tokens in the world hold these bytes.
    #[test]
    fn bytes_never_move() {
        let bytes = TlpLevel::ALL.map(TlpLevel::to_wire);
        assert_eq!(bytes, [Some(1), Some(2), Some(3), Some(4), None]);
        for byte in [0, 5, 255] {
            assert_eq!(TlpLevel::from_wire(byte), None);
        }
    }
}
