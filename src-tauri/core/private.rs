//! Keeps this process's memory to itself, as far as the system allows without privileges.
//!
//! Credentials live in the agent's memory. A core dump would write them to a disk, and a debugger of the same user would read
//! them; both are switched off where they can be. Not against an administrator, and not against the kernel's swap.

use std::io::Write as _;

/// Of one byte: too small for a file, and where a program takes the dumps (`core_pattern` with a pipe, as apport and systemd have
/// it) the one value at which Linux starts none. Zero does not keep it from that.
#[cfg(unix)]
const CORE: u64 = 1;

#[cfg(unix)]
fn limit_core(maximum: Option<u64>) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Where the hard limit is zero already, nobody without privileges can raise it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(maximum.map_or(CORE, |maximum| maximum.min(CORE))), maximum });
}

/// A crash writes no memory to a disk, and hands none to a program that would.
pub fn no_core_dump() {
    #[cfg(unix)]
    {
        let before = rustix::process::getrlimit(rustix::process::Resource::Core);
        limit_core(Some(before.maximum.map_or(CORE, |maximum| maximum.min(CORE))));
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
        // In one call where the hard limit is none, as nearly everywhere: every answer of `credential-process` waits for this.
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Resource, Rlimit, prlimit};
            if let Ok(before) = prlimit(None, Resource::Core, Rlimit { current: Some(CORE), maximum: None }) {
                if before.maximum.is_some() {
                    // With the privilege to raise it; nobody asked for that.
                    limit_core(before.maximum);
                }
                return Self { before };
            }
        }
        #[cfg(unix)]
        {
            let before = rustix::process::getrlimit(rustix::process::Resource::Core);
            limit_core(before.maximum);
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
