//! What the system tells about a process, and what of it names a program.
//!
//! Which names stand for a program and which for anything is said in `runs`. Files are told from others at the same path by their
//! stamp, which whoever replaces them cannot keep.

use std::path::{Path, PathBuf};

use super::runs::{Runs, file_name, is_command_line, is_keeper, runs};

/// What the system tells about a process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) executable: PathBuf,
    pub(super) parent: u32,
    /// When it was started: with its number, that names it for good.
    pub(super) started: u64,
    pub(super) arguments: Vec<String>,
}

/// Names one content of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(u64, u64, i64, i64);

/// A program that can be told from others: what a decision is remembered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program {
    executable: (PathBuf, Stamp),
    script: Option<(PathBuf, Stamp)>,
}

impl Process {
    /// A short name for people: `python3.11 /usr/bin/aws` is `aws`.
    pub(super) fn name(&self) -> String {
        match runs(&self.executable, &self.arguments) {
            Runs::Script(script) => file_name(Path::new(&script)),
            Runs::Itself | Runs::Anything => file_name(&self.executable),
        }
    }

    /// The script that it runs, as a path that leads there whatever folder it works in now.
    pub(super) fn script(&self) -> Option<PathBuf> {
        match runs(&self.executable, &self.arguments) {
            // A relative one was looked for in the folder that it worked in then.
            Runs::Script(script) => Some(PathBuf::from(script)).filter(|path| path.is_absolute()),
            Runs::Itself | Runs::Anything => None,
        }
    }

    /// Whether it is a shell of the system that a tool started to run one command line.
    pub(super) fn is_between(&self) -> bool {
        is_command_line(&self.executable, &self.arguments) && of_the_system(&self.executable)
    }

    /// Whether it takes in and starts the programs of others.
    pub(super) fn is_keeper(&self) -> bool {
        is_keeper(&self.executable)
    }

    /// Whether it can have started `child`: the number of one that has ended may be another's by now.
    pub(super) fn can_be_parent_of(&self, child: &Self) -> bool {
        self.started <= child.started
    }
}

/// What the process `pid` is remembered by; `None` where it could be anything.
pub(super) fn identify(pid: u32, process: &Process) -> Option<Program> {
    let executable = (process.executable.clone(), stamp_of_running(pid, &process.executable)?);
    match runs(&process.executable, &process.arguments) {
        Runs::Itself => Some(Program { executable, script: None }),
        Runs::Script(_) => {
            let path = std::fs::canonicalize(process.script()?).ok()?;
            let stamp = stamp(&path)?;
            Some(Program { executable, script: Some((path, stamp)) })
        }
        Runs::Anything => None,
    }
}

/// A file that processes are compared with: looked at once for all of them.
pub(super) struct Known(Option<Stamp>);

impl Known {
    /// The file at this path, now.
    pub(super) fn at(path: &Path) -> Self {
        Self(stamp(path))
    }

    /// Whether the process `pid` runs this very file, which is still the one at its path.
    pub(super) fn is_run_by(&self, pid: u32, process: &Process) -> bool {
        let Some(known) = &self.0 else { return false };
        running_stamp(pid, &process.executable).as_ref() == Some(known) && (!cfg!(target_os = "linux") || stamp(&process.executable).as_ref() == Some(known))
    }
}

/// The file that runs. Behind this name Linux keeps the file itself, also after it was replaced.
fn running_stamp(pid: u32, path: &Path) -> Option<Stamp> {
    if cfg!(target_os = "linux") { stamp(Path::new(&format!("/proc/{pid}/exe"))) } else { stamp(path) }
}

/// The executable that runs, if it is still the one at its path.
fn stamp_of_running(pid: u32, path: &Path) -> Option<Stamp> {
    let there = stamp(path)?;
    let running = running_stamp(pid, path)?;
    (running == there).then_some(there)
}

#[cfg(unix)]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    Some(Stamp(file.dev(), file.ino(), file.ctime(), file.ctime_nsec()))
}

#[cfg(not(unix))]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::windows::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    Some(Stamp(file.file_size(), file.creation_time(), i64::try_from(file.last_write_time()).ok()?, 0))
}

/// Whether only the administrator can have put it there: a program of that name in a folder of this user is no shell.
#[cfg(unix)]
fn of_the_system(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn of_the_system(path: &Path) -> bool {
    path.starts_with(r"C:\Windows")
}

/// The folder that a process works in.
pub(super) fn folder(pid: u32) -> Option<PathBuf> {
    #[cfg(target_os = "linux")]
    return std::fs::read_link(format!("/proc/{pid}/cwd")).ok();
    #[cfg(not(target_os = "linux"))]
    {
        use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
        let (pid, mut system) = (Pid::from_u32(pid), System::new());
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing().with_cwd(UpdateKind::Always));
        system.process(pid)?.cwd().map(Path::to_owned)
    }
}

/// The executable of a process: less to ask than [`look`].
pub(super) fn executable(pid: u32) -> Option<PathBuf> {
    #[cfg(target_os = "linux")]
    return std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    #[cfg(not(target_os = "linux"))]
    return look(pid).map(|process| process.executable);
}

/// A file of `/proc`, in one read as a rule: they have no size, and whoever reads them piece by piece asks nine times.
#[cfg(target_os = "linux")]
fn read_whole(path: &str) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut whole = vec![0; 4096];
    let count = file.read(&mut whole)?;
    let full = count == whole.len();
    whole.truncate(count);
    if full {
        file.read_to_end(&mut whole)?;
    }
    Ok(whole)
}

/// What the system tells about the process `pid`.
#[cfg(target_os = "linux")]
pub(super) fn look(pid: u32) -> Option<Process> {
    let executable = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let stat = read_whole(&format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The second field, the name in parentheses, may hold anything; the parent is the second after it, the start the twentieth.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    let line = read_whole(&format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = line.split(|b| *b == 0).take(8).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    Some(Process { executable, parent, started, arguments })
}

/// What the system tells about the process `pid`.
#[cfg(not(target_os = "linux"))]
pub(super) fn look(pid: u32) -> Option<Process> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let process = system.process(pid)?;
    let executable = process.exe()?.to_owned();
    let arguments = process.cmd().iter().take(8).map(|a| a.to_string_lossy().into_owned()).collect();
    Some(Process { executable, parent: process.parent().map_or(0, Pid::as_u32), started: process.start_time(), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(line: &[&str]) -> Process {
        let arguments: Vec<_> = line[1..].iter().map(|a| (*a).to_owned()).collect();
        Process { executable: PathBuf::from(line[0]), parent: 1, started: 1, arguments }
    }

    #[test]
    fn a_script_is_called_by_its_name() {
        let name = |line: &[&str]| started(line).name();
        assert_eq!(name(&["/usr/bin/python3.11", "python3", "/usr/local/bin/aws", "s3", "ls"]), "aws");
        assert_eq!(name(&["/usr/bin/python3.11", "python3", "-c", "print(1)"]), "python3.11");
        assert_eq!(name(&["/usr/bin/terraform", "terraform", "plan"]), "terraform");
        assert_eq!(name(&["/usr/bin/bash", "bash", "deploy.sh"]), "deploy.sh");
    }

    #[test]
    fn what_an_interpreter_runs_is_its_script_or_anything() {
        let runs = |line: &[&str]| runs(Path::new(line[0]), &started(line).arguments);
        assert_eq!(runs(&["/usr/bin/terraform", "terraform", "plan"]), Runs::Itself);
        assert_eq!(runs(&["/usr/bin/python3", "python3", "-sE", "/usr/bin/aws"]), Runs::Script("/usr/bin/aws".to_owned()));
        // The value of an option is no script: this one runs evil.py.
        assert_eq!(runs(&["/usr/bin/python3", "python3", "-X", "/usr/bin/aws", "evil.py"]), Runs::Anything);
        for line in
            [&["/usr/bin/python3", "python3", "-m", "awscli"][..], &["/usr/bin/node", "node", "-e", "x"], &["/bin/bash", "bash"], &["/bin/bash", "-bash"]]
        {
            assert_eq!(runs(line), Runs::Anything, "{line:?}");
        }
        for line in [&["/usr/bin/env", "env", "aws"][..], &["/usr/bin/timeout", "timeout", "5", "x"], &["/lib64/ld-linux-x86-64.so.2", "ld", "/tmp/x"]] {
            assert_eq!(runs(line), Runs::Anything, "{line:?}");
        }
        assert_eq!(started(&["/usr/bin/python3", "python3", "aws"]).script(), None, "a relative script could be any");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_command_line_and_an_odd_name_are_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let tool = folder.path().join("a) 1 (\u{e9}");
        std::fs::copy("/bin/sleep", &tool).expect("a copy");
        let long = format!("60.{}", "0".repeat(9000));
        let mut child = std::process::Command::new(&tool).args([&long, "0"]).spawn().expect("it runs");
        // For a moment after it was started the system knows no command line yet.
        let me = loop {
            let me = look(child.id()).expect("it is there");
            if me.arguments.len() > 1 {
                break me;
            }
            std::thread::yield_now();
        };
        assert_eq!((me.parent, &me.executable), (std::process::id(), &tool));
        assert_eq!(&me.arguments[1..3], [long, "0".to_owned()]);
        child.kill().expect("it ends");
        child.wait().expect("it ended");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_shell_of_the_system_that_runs_one_command_line_is_between() {
        let between = |line: &[&str]| started(line).is_between();
        assert!(between(&["/bin/sh", "sh", "-c", "stagedoor credential-process x"]) && between(&["/bin/sh", "sh", "-ec", "x"]));
        for no in [
            &["/bin/sh", "sh"][..],
            &["/bin/sh", "sh", "evil.sh"],
            &["/bin/sh", "sh", "evil.sh", "-c"],
            &["/bin/sh", "sh", "/abs/cscript.sh"],
            &["/tmp/sh", "sh", "-c", "x"],
        ] {
            assert!(!between(no), "{no:?}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("sh");
        std::fs::copy("/bin/sh", &own).expect("a copy");
        std::os::unix::fs::chown(&own, Some(12_345), None).ok();
        let own = own.to_string_lossy().into_owned();
        assert_eq!(between(&[&own, "sh", "-c", "x"]), std::fs::metadata(&own).is_ok_and(|file| std::os::unix::fs::MetadataExt::uid(&file) == 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_replaced_executable_is_another_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let tool = folder.path().join("tool");
        std::fs::copy("/bin/sleep", &tool).expect("a copy");
        let mut child = std::process::Command::new(&tool).arg("60").spawn().expect("it runs");
        let me = look(child.id()).expect("it is there");
        let before = identify(child.id(), &me).expect("it can be told");
        assert_eq!(identify(child.id(), &me), Some(before));
        std::fs::remove_file(&tool).expect("removed");
        std::fs::copy("/bin/sleep", &tool).expect("another");
        assert_eq!(identify(child.id(), &me), None, "the file at its path is not what runs");
        let gone = look(child.id()).expect("it still runs");
        assert!(gone.executable.to_string_lossy().ends_with(" (deleted)") && identify(child.id(), &gone).is_none());
        child.kill().expect("it ends");
        child.wait().expect("it ended");
    }
}
