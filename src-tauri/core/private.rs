//! Keeps this process's memory to itself, as far as the system allows without privileges.
//!
//! Credentials live in the agent's memory. A core dump would write them to a disk, and a debugger of the same user would read
//! them; both are switched off where they can be. Not against an administrator, and not against the kernel's swap.

/// A crash writes no memory to a disk.
pub fn no_core_dump() {
    #[cfg(unix)]
    {
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    }
}

/// No other program of this user may attach to this one or read its memory (Linux). Not for the app: the desktop portals
/// look at the programs that talk to them.
pub fn no_other_reader() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}
