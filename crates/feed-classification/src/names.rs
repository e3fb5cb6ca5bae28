//! What the closed lists of names on the wire have in common: `ALL`, `as_str`, `FromStr`, `Display`.

/// Says that a text is none of the names that are allowed in its place.
///
/// The text itself is not kept: it comes from outside and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownName {
    what: &'static str,
    valid: &'static [&'static str],
}

impl UnknownName {
    pub(crate) const fn new(what: &'static str, valid: &'static [&'static str]) -> Self {
        Self { what, valid }
    }

    /// Returns what was looked for: `feed name`, `indicator type` or `age`.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Returns every name that would have been right, in the order of the documentation.
    #[must_use]
    pub fn valid(&self) -> &'static [&'static str] {
        self.valid
    }
}

/// Writes a field-less enum whose variants have one name each on the wire, so that name, order and parser cannot drift apart.
///
/// The sentence before each variant is for people who choose one, too: no links and no names of ours in it.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $name:ident as $what:literal {
            $( $(#[doc = $summary:literal])+ $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[doc = $summary])+ $variant, )+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Every name, in the order of [`Self::ALL`].
            pub const NAMES: &'static [&'static str] = &[$( $text, )+];

            /// Returns the name that URLs, files and logs use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// Returns what it means, in a sentence for people.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $( Self::$variant => concat!($( $summary ),+).trim_ascii(), )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            /// Reads a name as it stands: case counts, nothing is trimmed.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err($crate::UnknownName::new($what, Self::NAMES)),
                }
            }
        }
    };
}

pub(crate) use named;
