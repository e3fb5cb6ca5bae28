//! The errors of the state and of targets.

use std::io;
use std::path::PathBuf;

use crate::command::CommandError;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The directory cannot be made.
    #[error("the directory {} cannot be made", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory cannot be read.
    #[error("the state in {} cannot be read; `cratos-agent` has to run as the user that owns it, or as root", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("the state file {} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is torn: its checksum is wrong.
    #[error("the state file {} is torn", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
    },
    /// A file belongs to another program, or to another version of this one.
    #[error("the file {} is no state file of this version", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// Why the state cannot be locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another agent holds the lock.
    #[error("another cratos-agent works with the state in {}; stop it, or give this one a `state_dir` of its own", directory.display())]
    Taken {
        /// The directory of the state.
        directory: PathBuf,
    },
    /// The lock file cannot be created or locked.
    #[error("the state cannot be locked")]
    File(#[source] state_file::LockError),
}

/// Why a target does not enforce the new values; the earlier ones stay in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A file of the target cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The consumer's own check refuses the new values.
    #[error("the check refuses the new list")]
    Check(#[source] CommandError),
    /// The consumer does not load the new values; it has the earlier ones again.
    #[error("the new list cannot be loaded; the one before is back")]
    Reload(#[source] CommandError),
    /// The consumer loads neither the new values nor the earlier ones.
    #[error("neither the new list nor the one before can be loaded")]
    RollBack(#[source] CommandError),
    /// A command that makes a change failed, and changed nothing.
    #[error("the change is refused as a whole")]
    Apply(#[source] CommandError),
    /// The values in force cannot be read.
    #[error("what is in force cannot be asked for")]
    Ask(#[source] CommandError),
    /// After a change without an error, other values are in force.
    #[error("the change went well, but something else is in force")]
    NotInForce,
    /// The format cannot be written.
    #[error("the list cannot be rendered")]
    Render(#[source] io::Error),
    /// The error of a target that is not built in.
    #[error("the target failed")]
    Own(#[source] Box<dyn std::error::Error + Send + Sync>),
}
