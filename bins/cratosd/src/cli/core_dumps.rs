//! Keeps the memory of this process, which holds keys, to itself.

/// Forbids core dumps, and other processes of the same user to look into this one.
///
/// Where the system refuses, the process goes on: it is a second line of defence.
pub(super) fn forbid() {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
