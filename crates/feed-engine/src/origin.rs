//! Where an answer comes from: memory or the source.

/// Where an answer came from (`X-Cache`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// From memory, younger than the caller or the site asks for.
    Hit,
    /// MISP was asked for it just now.
    Miss,
    /// From memory, older than wanted: MISP fails, or is being asked meanwhile.
    Stale,
}
