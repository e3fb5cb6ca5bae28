//! Where an answer comes from: memory or the source.

/// The origin of an answer (`X-Cache`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// From memory, as fresh as the caller or the site asks for.
    Hit,
    /// From the source, just now.
    Miss,
    /// From memory, older than asked for: the source fails, or is being asked meanwhile.
    Stale,
}
