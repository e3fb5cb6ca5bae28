//! The exit codes of `cratosd` and `cratos-agent`.

use std::process::ExitCode;

/// How a process ends. The codes are part of the command line: scripts and service managers read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: the command did its work.
    Done,
    /// 1: a failure without a code of its own, for example a port that is in use, or a target that could not be
    /// changed.
    Failed,
    /// 64 (`EX_USAGE`): the command line or the configuration cannot be used; the process started nothing.
    Usage,
    /// 69 (`EX_UNAVAILABLE`): a server does not answer, or its answer cannot be used. For `cratosd` that is MISP, for
    /// `cratos-agent` it is `cratosd` or DefectDojo.
    Unavailable,
}

impl Exit {
    /// Returns the number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::Unavailable => 69,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let codes = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Unavailable].map(Exit::code);
        assert_eq!(codes, [0, 1, 64, 69]);
    }
}
