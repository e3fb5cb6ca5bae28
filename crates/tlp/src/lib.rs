#![doc = include_str!("../README.md")]

use std::fmt;
use std::str::FromStr;

/// A level of the Traffic Light Protocol (FIRST, TLP 2.0). The order goes from open to closed.
///
/// ```
/// use tlp::Tlp;
///
/// assert!(Tlp::Green < Tlp::Red);
/// assert_eq!(Tlp::AmberStrict.to_string(), "amber+strict");
/// assert_eq!("WHITE".parse(), Ok(Tlp::Clear));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// May be shared with the whole world; `tlp:white` in TLP 1.0.
    Clear,
    /// May be shared within the community.
    Green,
    /// May be shared within the organisation and with its clients.
    Amber,
    /// May be shared within the organisation alone.
    AmberStrict,
    /// For the named recipients only.
    Red,
}

impl Tlp {
    /// Every level, from open to closed.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// The beginning of every tag of MISP that names a level; case and white space around the tag do not count.
    pub const NAMESPACE: &'static str = "tlp:";

    /// Returns the name as it stands behind `tlp:` in a tag, for example `amber+strict`.
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

    /// Returns the tag of MISP for this level.
    ///
    /// ```
    /// assert_eq!(tlp::Tlp::Green.tag(), "tlp:green");
    /// ```
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Clear => "tlp:clear",
            Self::Green => "tlp:green",
            Self::Amber => "tlp:amber",
            Self::AmberStrict => "tlp:amber+strict",
            Self::Red => "tlp:red",
        }
    }

    /// Returns a sentence for people: the information that a reader with this level as the limit sees.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Clear => "Only information for the whole world.",
            Self::Green => "Information for the community, and everything more open.",
            Self::Amber => "Information for the organisation and its clients, and everything more open.",
            Self::AmberStrict => "Information for the organisation alone, and everything more open.",
            Self::Red => "Everything.",
        }
    }

    /// Returns the most closed level among tags of MISP, or `None` if no tag begins with `tlp:`.
    ///
    /// Case and white space around a tag do not count. An unknown `tlp:` tag counts as red, since its author meant to
    /// limit something.
    ///
    /// ```
    /// use tlp::Tlp;
    ///
    /// assert_eq!(Tlp::of_tags(["TLP:GREEN", "type:osint"]), Some(Tlp::Green));
    /// assert_eq!(Tlp::of_tags(["tlp:clear", "tlp:ex:chr"]), Some(Tlp::Red));
    /// assert_eq!(Tlp::of_tags(["type:osint"]), None);
    /// ```
    #[must_use]
    pub fn of_tags<'t>(tags: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let levels = tags.into_iter().filter_map(|tag| {
            // Spaces around a tag must not open what it closes.
            let (namespace, level) = tag.trim().split_at_checked(Self::NAMESPACE.len())?;
            namespace
                .eq_ignore_ascii_case(Self::NAMESPACE)
                .then(|| level.parse().unwrap_or(Self::Red))
        });
        levels.max()
    }
}

/// The error for a text that names no TLP level.
///
/// ```
/// let error = "orange".parse::<tlp::Tlp>().unwrap_err();
/// assert_eq!(error.to_string(), "not a TLP level: write clear, green, amber, amber+strict or red");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TLP level: write clear, green, amber, amber+strict or red")]
#[non_exhaustive]
pub struct UnknownTlp;

/// Reads a name in any case, and `white`, the name of `clear` in TLP 1.0.
impl FromStr for Tlp {
    type Err = UnknownTlp;

    fn from_str(text: &str) -> Result<Self, UnknownTlp> {
        if text.eq_ignore_ascii_case("white") {
            return Ok(Self::Clear);
        }
        let named = |level: &Self| level.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(named).ok_or(UnknownTlp)
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_again_and_goes_from_open_to_closed() {
        for level in Tlp::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
            assert_eq!(level.tag(), format!("tlp:{level}"));
            assert_eq!(Tlp::of_tags([format!("TLP:{level}").as_str()]), Some(level));
        }
        assert!(Tlp::ALL.is_sorted());
        assert_eq!("".parse::<Tlp>(), Err(UnknownTlp));
    }

    #[test]
    fn white_is_clear_and_an_unknown_level_is_red() {
        assert_eq!(Tlp::of_tags(["tlp:white"]), Some(Tlp::Clear));
        assert_eq!(Tlp::of_tags(["tlp:clear", "tlp:unclear"]), Some(Tlp::Red));
        assert_eq!(Tlp::of_tags([" tlp:red", "tlp:green "]), Some(Tlp::Red));
        assert_eq!(Tlp::of_tags(["tlp: clear"]), Some(Tlp::Red));
    }

    #[test]
    fn tags_about_something_else_give_no_level() {
        assert_eq!(Tlp::of_tags(["", "tlp", "tlpx:red", "æ:red", "type:osint"]), None);
    }
}
