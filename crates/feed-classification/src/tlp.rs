//! The Traffic Light Protocol: who may be told.

use std::fmt;
use std::str::FromStr;

/// With whom something may be shared, from everybody to nobody else (FIRST, TLP 2.0). The order is from open to closed.
///
/// ```
/// use feed_classification::Tlp;
///
/// assert_eq!(Tlp::of_tags(["tlp:green", "type:osint", "tlp:amber"]), Some(Tlp::Amber));
/// assert!(Tlp::Green < Tlp::Red);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// Everybody; `tlp:white` in TLP 1.0.
    Clear,
    /// The community.
    Green,
    /// The organisation and its clients.
    Amber,
    /// The organisation alone.
    AmberStrict,
    /// Those who are named.
    Red,
}

impl Tlp {
    /// Every level, from open to closed.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// Returns the name as it stands behind `tlp:` in a tag.
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

    /// Returns the most closed level among MISP tags, or nothing where none is about TLP.
    ///
    /// A `tlp:` tag that is not known counts as red: whoever wrote it meant to limit something.
    #[must_use]
    pub fn of_tags<'t>(tags: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let levels = tags.into_iter().filter_map(|tag| {
            // Spaces around a tag must not open what it closes.
            let (namespace, level) = tag.trim().split_at_checked(4)?;
            namespace
                .eq_ignore_ascii_case("tlp:")
                .then(|| level.parse().unwrap_or(Self::Red))
        });
        levels.max()
    }
}

/// Why a text is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TLP level; known are clear, green, amber, amber+strict and red")]
pub struct UnknownTlp;

impl FromStr for Tlp {
    type Err = UnknownTlp;

    fn from_str(text: &str) -> Result<Self, UnknownTlp> {
        match text.to_ascii_lowercase().as_str() {
            "clear" | "white" => Ok(Self::Clear),
            "green" => Ok(Self::Green),
            "amber" => Ok(Self::Amber),
            "amber+strict" => Ok(Self::AmberStrict),
            "red" => Ok(Self::Red),
            _ => Err(UnknownTlp),
        }
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_again() {
        for level in Tlp::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(Tlp::of_tags([format!("TLP:{level}").as_str()]), Some(level));
        }
    }

    #[test]
    fn white_is_clear_and_what_nobody_knows_is_red() {
        assert_eq!(Tlp::of_tags(["tlp:white"]), Some(Tlp::Clear));
        assert_eq!(Tlp::of_tags(["tlp:clear", "tlp:unclear"]), Some(Tlp::Red));
        assert_eq!(Tlp::of_tags([" tlp:red", "tlp:green "]), Some(Tlp::Red));
        assert_eq!(Tlp::of_tags(["tlp: clear"]), Some(Tlp::Red));
    }

    #[test]
    fn tags_about_something_else_say_nothing() {
        assert_eq!(Tlp::of_tags(["", "tlp", "tlpx:red", "æ:red", "type:osint"]), None);
    }
}
