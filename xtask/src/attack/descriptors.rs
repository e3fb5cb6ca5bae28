//! How many connections this process may open.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all but the connections of the attackers: pipes, files, the good client.
const RESERVE: u64 = 200;

/// Raises the limit of this process, which the daemon inherits, as far as the system allows; returns how many
/// connections the attackers can have.
pub(super) fn allow_many() -> anyhow::Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    let Some(all) = getrlimit(Resource::Nofile).current else {
        return Ok(usize::MAX);
    };
    if all <= RESERVE {
        bail!("this process may open {all} files: raise the limit with `ulimit -n`");
    }
    Ok(usize::try_from(all - RESERVE).unwrap_or(usize::MAX))
}
