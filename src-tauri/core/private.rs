//! Keeps this process's memory to itself, as far as the system allows without privileges.
//!
//! Credentials live in the agent's memory. A core dump would write them to a disk, and a debugger of the same user would read
//! them; both are switched off where they can be. Not against an administrator, and not against the kernel's swap.

use std::io::Write as _;

/// A crash writes no memory to a disk.
pub fn no_core_dump() {
    #[cfg(unix)]
    {
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    }
}

/// The same for a program that becomes another one, which gets back what it would have had. Such a program stays readable:
/// the agent looks at who asks.
#[derive(Clone, Copy, Debug)]
pub struct NoCoreDump {
    #[cfg(unix)]
    before: rustix::process::Rlimit,
}

impl NoCoreDump {
    /// From now on.
    pub fn begin() -> Self {
        #[cfg(unix)]
        {
            use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
            let before = getrlimit(Resource::Core);
            let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: before.maximum });
            Self { before }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Until now.
    pub fn end(self) {
        #[cfg(unix)]
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, self.before);
    }
}

/// A panic says where it happened, and what only if that is a fixed text of the program: a message that was put together could
/// hold what somebody typed or what AWS sent. No memory is shown, whatever `RUST_BACKTRACE` says.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("its message is left out");
        let _ = writeln!(std::io::stderr(), "Stagedoor has a bug and had to stop what it was doing: panicked at {place}: {what}");
    }));
}

/// No other program of this user may attach to this one or read its memory (Linux). Not for the app: the desktop portals
/// look at the programs that talk to them.
pub fn no_other_reader() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}
