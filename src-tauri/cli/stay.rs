//! Runs a command and stays until it has ended, as if this program were not there: signals go to the command, the terminal is
//! its own, and its exit code becomes ours.
//!
//! What a terminal sends (Ctrl+C, Ctrl+\) reaches the whole group by itself, so it is passed on only where there is no terminal:
//! twice would mean something else to many programs. A command that a signal ended gives 128 and the signal's number, as shells do.

use std::{ffi::OsString, process::ExitCode};

use stagedoor_core::error::{Code, Error, Result};
use tokio::process::{Child, Command};

use crate::{agent::runtime, child::not_run};

/// Runs `command` without the variables in `stale` and with those in `set`.
pub(crate) fn run(command: &[OsString], stale: &[&str], set: &[(&str, &str)]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else {
        return Err(Error::new(Code::InvalidValue, "There is no command to run", "Put it behind --"));
    };
    let mut child = Command::new(program);
    child.args(arguments);
    for name in stale {
        child.env_remove(name);
    }
    child.envs(set.iter().copied());
    runtime()?.block_on(async {
        let signals = Signals::listen();
        let waited = match child.spawn() {
            Ok(child) => waited(child, signals).await,
            Err(error) => Err(error),
        };
        Ok(match waited {
            Ok(status) => ExitCode::from(code(status)),
            Err(error) => not_run(&program.to_string_lossy(), &error),
        })
    })
}

#[cfg(unix)]
fn code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The signals that would end this program, each with whether a terminal sends it to the whole group.
#[cfg(unix)]
struct Signals(Vec<(tokio::signal::unix::Signal, rustix::process::Signal, bool)>);

#[cfg(unix)]
impl Signals {
    /// From now on they do not end this program.
    fn listen() -> Self {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        let all = [
            (SignalKind::interrupt(), Signal::INT, true),
            (SignalKind::quit(), Signal::QUIT, true),
            (SignalKind::terminate(), Signal::TERM, false),
            (SignalKind::hangup(), Signal::HUP, false),
            (SignalKind::user_defined1(), Signal::USR1, false),
            (SignalKind::user_defined2(), Signal::USR2, false),
        ];
        Self(all.into_iter().filter_map(|(kind, passed, group)| Some((signal(kind).ok()?, passed, group))).collect())
    }
}

#[cfg(unix)]
async fn waited(mut child: Child, signals: Signals) -> std::io::Result<std::process::ExitStatus> {
    use std::io::IsTerminal;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let terminal = std::io::stdin().is_terminal();
    let mut passing = tokio::task::JoinSet::new();
    for (mut signal, passed, group) in signals.0 {
        passing.spawn(async move {
            while signal.recv().await.is_some() {
                if let Some(pid) = pid.filter(|_| !(group && terminal)) {
                    // It may have ended this very moment.
                    let _ = rustix::process::kill_process(pid, passed);
                }
            }
        });
    }
    let status = child.wait().await;
    passing.shutdown().await;
    status
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }
}

/// Ctrl+C reaches the command by itself; this program waits for it.
#[cfg(not(unix))]
async fn waited(mut child: Child, _: Signals) -> std::io::Result<std::process::ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
