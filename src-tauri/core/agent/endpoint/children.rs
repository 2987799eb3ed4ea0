//! The commands that were led to the container endpoint, as far as they still run.
//!
//! An agent without a window ends when nobody needs it. A command that was given this endpoint's port needs it as long as it runs,
//! also while no session is active, because the next agent has another port. `exec` becomes its command, so the process that
//! asked is the command.

use std::time::{Duration, Instant};

/// Where the system does not tell whether a command still runs, it counts as running this long: the longest session.
const PRESUMED: Duration = Duration::from_hours(12);

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// A process, and when it began: its number may be given to another one later.
    Process(u32, Option<u64>),
    /// One that nobody saw.
    Unseen(Instant),
}

impl Child {
    /// The process that asked, or one that nobody saw.
    pub(super) fn new(pid: Option<u32>) -> Self {
        pid.map_or_else(|| Self::Unseen(Instant::now()), |pid| Self::Process(pid, began(pid)))
    }

    /// Whether it still runs.
    pub(super) fn runs(&self) -> bool {
        match self {
            Self::Process(pid, at) => alive(*pid) && began(*pid) == *at,
            Self::Unseen(at) => at.elapsed() < PRESUMED,
        }
    }
}

#[cfg(unix)]
fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn alive(_: u32) -> bool {
    true
}

/// When a process began, in ticks since boot. `None` where the system does not say; of a process that has ended, nothing is said.
#[cfg(target_os = "linux")]
fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie only waits for its parent to look.
    if words.next()? == "Z" {
        return None;
    }
    words.nth(18)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
const fn began(_: u32) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn runs_until_it_has_ended() {
        let mut process = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().expect("cat runs");
        let child = Child::new(Some(process.id()));
        assert!(child.runs());
        drop(process.stdin.take());
        process.wait().expect("it ends with its input");
        assert!(!child.runs());
        assert!(Child::new(None).runs(), "nobody saw it end");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_process_of_the_same_number_is_another() {
        let own = std::process::id();
        assert!(Child::new(Some(own)).runs());
        assert!(!Child::Process(own, Some(1)).runs());
    }
}
