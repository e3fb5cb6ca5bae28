//! Closed lists of names on the wire: `ALL`, `as_str`, `FromStr` and `Display` of each.

/// The error for a text that is not one of the names of its list.
///
/// ```
/// use feed_classification::{FeedName, UnknownName};
///
/// let error: UnknownName = "blok".parse::<FeedName>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown feed name `blok`");
/// assert!(error.valid().contains(&"block"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    valid: &'static [&'static str],
}

/// The longest part of an unknown name that its error keeps, in characters: the names themselves are shorter.
const MAX_SHOWN: usize = 64;

impl UnknownName {
    pub(crate) fn new(what: &'static str, text: &str, valid: &'static [&'static str]) -> Self {
        let mut shown = text.chars().flat_map(char::escape_debug);
        let mut name: String = shown.by_ref().take(MAX_SHOWN).collect();
        if shown.next().is_some() {
            name.push('…');
        }
        Self { what, name, valid }
    }

    /// Returns the list that was searched: `feed name`, `indicator type` or `age`.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Returns the unknown name, safe to print: control and other invisible characters are escaped, and after 64
    /// characters an ellipsis takes the place of the rest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns every valid name, in the order of the documentation.
    #[must_use]
    pub fn valid(&self) -> &'static [&'static str] {
        self.valid
    }
}

/// Writes a field-less enum whose variants have one name each on the wire, so that name, order and parser cannot drift
/// apart.
///
/// Pages and forms show the sentence before each variant, so it has no links and no names of code.
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

            /// Returns its meaning, in a sentence for people.
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

            /// Reads a name exactly: case counts, nothing is trimmed.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err($crate::UnknownName::new($what, text, Self::NAMES)),
                }
            }
        }
    };
}

pub(crate) use named;
