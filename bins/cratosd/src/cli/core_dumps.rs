//! Keeps the memory of this process, which contains keys, out of core dumps and other processes.

/// Forbids core dumps, and forbids other processes of the same user to read this one's memory.
///
/// If the system refuses, the process goes on: this is a second line of defence.
pub(super) fn forbid() {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
