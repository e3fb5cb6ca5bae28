//! The way in which questions about an upstream are answered: from a mirror in memory, or by asking MISP each time.

use std::fmt;

pub use misp_mirror::{Phase as MirrorPhase, Standing as MirrorStanding, Status as MirrorStatus};

/// The way in which questions about an upstream are answered, as
/// [`IndicatorSource::way`](crate::IndicatorSource::way) returns it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Way {
    /// From the mirror of its MISP, which is in this state.
    Mirror(MirrorStatus),
    /// By a new question to the source for each feed.
    Direct {
        /// Why no mirror answers.
        reason: DirectReason,
        /// The state of the mirror, if there is one that cannot answer yet.
        mirror: Option<MirrorStatus>,
    },
}

impl Way {
    /// Returns the way of an upstream that has no mirror.
    #[must_use]
    pub fn direct(reason: DirectReason) -> Self {
        Self::Direct { reason, mirror: None }
    }

    /// Returns the name: `mirror` or `direct`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Mirror(_) => "mirror",
            Self::Direct { .. } => "direct",
        }
    }

    /// Returns why no mirror answers; nothing where one does.
    #[must_use]
    pub fn reason(&self) -> Option<DirectReason> {
        match self {
            Self::Mirror(_) => None,
            Self::Direct { reason, .. } => Some(*reason),
        }
    }

    /// Returns the state of the mirror, if there is one.
    #[must_use]
    pub fn mirror(&self) -> Option<&MirrorStatus> {
        match self {
            Self::Mirror(status) => Some(status),
            Self::Direct { mirror, .. } => mirror.as_ref(),
        }
    }
}

/// The reason why no mirror answers questions about an upstream. Its text is a sentence without a full stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DirectReason {
    /// The source keeps no mirrors at all, for example in a program with a source of its own.
    NoMirrors,
    /// The site's file says `mirror: off`.
    Off,
    /// No request with this MISP key has come since the start.
    NotUsed,
    /// The mirror reads its store.
    Opening,
    /// The mirror reads MISP for the first time.
    Loading,
    /// MISP has more attributes than the site allows a mirror.
    TooManyAttributes {
        /// The site's `mirror_max_attributes`.
        limit: u64,
    },
    /// Other keys of this site were used more recently.
    TooManyKeys {
        /// The site's `mirror_keys`.
        limit: usize,
    },
    /// Records of the store are damaged and not read again yet.
    Damaged,
    /// The mirror could not go on and is tried again; the log has the error.
    Failed,
}

impl DirectReason {
    /// Returns the name for programs, for example `loading`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMirrors => "no_mirrors",
            Self::Off => "off",
            Self::NotUsed => "not_used",
            Self::Opening => "opening",
            Self::Loading => "loading",
            Self::TooManyAttributes { .. } => "too_many_attributes",
            Self::TooManyKeys { .. } => "too_many_keys",
            Self::Damaged => "damaged",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DirectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMirrors => f.write_str("this program keeps no mirrors"),
            Self::Off => f.write_str("the site file says `mirror: off`"),
            Self::NotUsed => f.write_str("no feed was requested with this MISP key since the start"),
            Self::Opening => f.write_str("the mirror reads its store"),
            Self::Loading => f.write_str("the mirror reads MISP for the first time"),
            Self::TooManyAttributes { limit } => {
                write!(f, "MISP has more than {limit} attributes (`mirror_max_attributes`)")
            }
            Self::TooManyKeys { limit } => write!(
                f,
                "{limit} other MISP keys of this site were used more recently (`mirror_keys`)"
            ),
            Self::Damaged => f.write_str("records of the mirror are damaged and are being read again from MISP"),
            Self::Failed => f.write_str("the mirror failed and is tried again; the log has the error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_without_a_mirror_is_asked_directly_and_says_why() {
        let way = Way::direct(DirectReason::Off);
        assert_eq!((way.as_str(), way.reason()), ("direct", Some(DirectReason::Off)));
        assert_eq!(way.mirror(), None);
    }

    #[test]
    fn each_reason_has_a_name_for_programs() {
        let names = [
            (DirectReason::NoMirrors, "no_mirrors"),
            (DirectReason::Off, "off"),
            (DirectReason::NotUsed, "not_used"),
            (DirectReason::Opening, "opening"),
            (DirectReason::Loading, "loading"),
            (DirectReason::TooManyAttributes { limit: 1 }, "too_many_attributes"),
            (DirectReason::TooManyKeys { limit: 1 }, "too_many_keys"),
            (DirectReason::Damaged, "damaged"),
            (DirectReason::Failed, "failed"),
        ];
        for (reason, name) in names {
            assert_eq!(reason.as_str(), name);
        }
    }
}
