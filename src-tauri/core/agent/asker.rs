//! Who asks: the process at the other end of the socket, and the program that really wants the credentials.
//!
//! `credential_process` is our own program, started by a shell that was started by the tool; so the asker is the first ancestor that
//! is neither. Who only calls itself so is an asker. What can be told for sure is what approvals are remembered by; the rest is told
//! to people as it is.

use std::path::{Path, PathBuf};

use super::program::{Known, Process, Program, executable, folder, identify, look};
use crate::{model::prompt::AskerView, paths::Paths};

/// How many ancestors are looked at.
const GENERATIONS: usize = 8;

/// How far down a command's own processes are followed.
const LINEAGE: usize = 64;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The process that wants credentials; `None` for the app itself.
    pub pid: Option<u32>,
    /// A short name for people: `aws`, `terraform`, `Stagedoor`.
    pub name: String,
    /// Its executable.
    pub executable: Option<PathBuf>,
    kind: Kind,
    /// When the process was started.
    started: u64,
    /// The process that started it.
    parent: u32,
    /// A person sits at its terminal, and is asked for codes there.
    pub(super) at_terminal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The window, the tray and the renewal.
    Ours,
    /// A process that is reached through nothing but our own program and shells of the system.
    Program,
    /// Anything else: somebody speaks to the socket by itself, or has no process that the system tells.
    Stranger,
}

/// What an approval was given to. Only a [`Program`] is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Program(Program),
    /// One process, by number and start.
    Process(u32, u64),
    /// Whoever it is.
    Nobody,
}

impl Asker {
    /// The window, the tray and the renewal.
    pub fn stagedoor() -> Self {
        Self { pid: None, name: "Stagedoor".to_owned(), executable: None, kind: Kind::Ours, started: 0, parent: 0, at_terminal: false }
    }

    /// Somebody at the socket whose process the system does not tell.
    pub fn unknown() -> Self {
        Self { name: "a program".to_owned(), kind: Kind::Stranger, ..Self::stagedoor() }
    }

    /// Somebody at the container endpoint whose process the system does not tell.
    pub(super) fn at_endpoint() -> Self {
        Self { name: "a program at the container endpoint".to_owned(), ..Self::unknown() }
    }

    /// The process `pid` itself.
    pub fn behind(pid: u32) -> Self {
        match look(pid) {
            Some(process) => Self::of(pid, process, Kind::Program),
            None => Self { pid: Some(pid), name: format!("process {pid}"), ..Self::unknown() },
        }
    }

    /// The program that asks through the process `pid`, which should run `ours`, the `stagedoor` program.
    pub fn through(pid: u32, ours: &Path) -> Self {
        let Some(peer) = look(pid) else { return Self::behind(pid) };
        let ours = Known::at(ours);
        if !ours.is_run_by(pid, &peer) {
            // Credentials go to whoever holds the socket; the process that opened it may have become any other program since.
            return Self::of(pid, peer, Kind::Stranger);
        }
        let mut nearest = (pid, peer);
        for _ in 0..GENERATIONS {
            let next = nearest.1.parent;
            let Some(parent) = parent_of(&nearest.1) else { break };
            // It started others too, and takes in whoever has lost its parent: what it is says nothing of who asks.
            if parent.is_keeper() {
                break;
            }
            if !parent.is_between() && !ours.is_run_by(next, &parent) {
                return Self::of(next, parent, Kind::Program);
            }
            nearest = (next, parent);
        }
        Self::of(nearest.0, nearest.1, Kind::Stranger)
    }

    fn of(pid: u32, process: Process, kind: Kind) -> Self {
        Self {
            pid: Some(pid),
            name: plain(&process.name()),
            executable: Some(process.executable),
            kind,
            started: process.started,
            parent: process.parent,
            at_terminal: false,
        }
    }

    /// The same, with a person at its terminal or without.
    pub(super) fn with_terminal(self, at_terminal: bool) -> Self {
        Self { at_terminal, ..self }
    }

    /// Whether it is Stagedoor itself: what a person does in the window needs no approval.
    pub(super) fn is_ours(&self) -> bool {
        self.kind == Kind::Ours
    }

    /// The process, if it is still the one that asked.
    fn process(&self) -> Option<(u32, Process)> {
        let pid = self.pid?;
        let process = look(pid)?;
        (process.started == self.started && Some(&process.executable) == self.executable.as_ref()).then_some((pid, process))
    }

    /// Whether it is the process `pid` that was started then, or was started by it, through others too.
    pub(super) fn comes_from(&self, pid: u32, started: u64) -> bool {
        let Some(mut at) = self.process() else { return false };
        for _ in 0..LINEAGE {
            if at.0 == pid {
                return at.1.started == started;
            }
            let next = at.1.parent;
            let Some(parent) = look(next).filter(|parent| next > 1 && parent.can_be_parent_of(&at.1)) else { return false };
            at = (next, parent);
        }
        false
    }

    /// What an approval is given to, as it is at this moment.
    pub(super) fn who(&self) -> Who {
        match (self.process(), self.pid) {
            (Some((pid, process)), _) if self.kind == Kind::Program => identify(pid, &process).map_or(Who::Process(pid, self.started), Who::Program),
            (Some((pid, _)), _) => Who::Process(pid, self.started),
            (None, _) => Who::Nobody,
        }
    }

    /// The executable of the process that started it, for the record.
    pub(super) fn parent_executable(&self) -> Option<PathBuf> {
        if self.parent > 1 { executable(self.parent) } else { None }
    }

    /// All that people are told of it.
    pub(super) fn view(&self, paths: &Paths) -> AskerView {
        let text = |path: PathBuf| plain(&paths.told(&path));
        let mut view = AskerView { name: self.name.clone(), executable: self.executable.clone().map(text), pid: self.pid, ..AskerView::default() };
        if let Some((pid, process)) = self.process() {
            view.script = process.script().map(text);
            view.folder = folder(pid).map(text);
            let mut nearest = process;
            for _ in 0..GENERATIONS {
                let Some(parent) = parent_of(&nearest) else { break };
                view.parents.push(plain(&parent.name()));
                nearest = parent;
            }
        }
        view
    }
}

/// The process that started this one, if it is still there.
fn parent_of(process: &Process) -> Option<Process> {
    look(process.parent).filter(|parent| process.parent > 1 && parent.can_be_parent_of(process))
}

/// A name that cannot pretend: no line ends, no signs that turn the direction of writing, no more than fits.
fn plain(text: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_test_is_found() {
        let me = Asker::behind(std::process::id());
        assert_eq!(me.pid, Some(std::process::id()));
        assert_eq!(me.executable, std::env::current_exe().ok());
        let view = me.view(&Paths::from_env(crate::paths::Platform::current(), |_| None));
        assert!(!view.parents.is_empty() && view.folder.is_some() && view.script.is_none(), "{view:?}");
        assert!(matches!(me.who(), Who::Program(_)), "{:?}", me.who());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_speaks_to_the_socket_without_our_program_is_remembered_by_nothing() {
        let stranger = Asker::through(std::process::id(), Path::new("/bin/sh"));
        assert_eq!(stranger.pid, Some(std::process::id()));
        assert!(matches!(stranger.who(), Who::Process(..)), "{:?}", stranger.who());
        let through = Asker::through(std::process::id(), &std::env::current_exe().expect("it has a path"));
        assert_ne!(through.pid, Some(std::process::id()), "our own program asks for another");
        assert_eq!(Asker::unknown().who(), Who::Nobody);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_starts_the_programs_of_others_is_never_the_one_that_asks() {
        use std::io::{BufRead, BufReader};
        let folder = tempfile::tempdir().expect("a folder");
        let ours = folder.path().join("ours");
        std::fs::copy("/bin/sleep", &ours).expect("a copy");
        for (name, keeps) in [("systemd", true), ("cron", true), ("tool", false)] {
            let started_by = folder.path().join(name);
            std::fs::copy("/bin/sh", &started_by).expect("a copy");
            let line = format!("{} 60 & echo $!; read line; kill $!", ours.display());
            let mut command = std::process::Command::new(&started_by);
            let mut parent = command.args(["-c", &line]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("it runs");
            let mut told = String::new();
            BufReader::new(parent.stdout.take().expect("its output")).read_line(&mut told).expect("a number");
            let pid = told.trim().parse().expect("a number");
            // The number is told before the child has become our program.
            while executable(pid).as_deref() != Some(&ours) {
                std::thread::yield_now();
            }
            let asker = Asker::through(pid, &ours);
            let expected = if keeps { (Some(pid), true) } else { (Some(parent.id()), false) };
            assert_eq!((asker.pid, matches!(asker.who(), Who::Process(..))), expected, "{name}: {asker:?}");
            drop(parent.stdin.take());
            parent.wait().expect("it ended");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_parent_is_not_younger_than_its_child() {
        let mut child = look(std::process::id()).expect("it is there");
        assert!(parent_of(&child).is_some());
        child.started = 0;
        assert!(parent_of(&child).is_none(), "the number was given to another since");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_became_another_program_is_nobody() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().expect("it runs");
        let asker = Asker::behind(child.id());
        let another = Asker { started: asker.started + 1, ..asker.clone() };
        assert_eq!(another.who(), Who::Nobody, "the number was given to another process");
        let another = Asker { executable: Some(PathBuf::from("/usr/bin/terraform")), ..asker.clone() };
        assert_eq!(another.who(), Who::Nobody, "it runs something else now");
        child.kill().expect("it ends");
        child.wait().expect("it ended");
        assert_eq!(asker.who(), Who::Nobody);
    }

    #[test]
    fn a_name_cannot_pretend() {
        assert_eq!(plain("terra\nform\u{202e}x"), "terra\u{fffd}form\u{fffd}x");
    }
}
