//! What the system tells about a process, and what of it names a program.
//!
//! An interpreter runs anything, so its script belongs to the name; a launcher (`env`, `timeout`) and code that came as an argument
//! name nothing. Files are told from others at the same path by their stamp, which whoever replaces them cannot keep.

use std::path::{Path, PathBuf};

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

/// What an executable runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// Itself.
    Itself,
    /// The script at this path, as it was named on the command line.
    Script(String),
    /// Whatever it was told.
    Anything,
}

/// Shells: a tool starts them with `-c` to run its `credential_process`.
const SHELLS: [&str; 10] = ["sh", "dash", "bash", "zsh", "fish", "ksh", "busybox", "cmd", "pwsh", "powershell"];
/// Programs that run a script, by the beginning of their names.
const INTERPRETERS: [&str; 16] =
    ["python", "pypy", "ruby", "node", "perl", "php", "lua", "java", "dotnet", "deno", "bun", "Rscript", "tclsh", "julia", "guile", "osascript"];
/// Programs that run whatever they are told, by the beginning of their names.
const LAUNCHERS: [&str; 18] = [
    "env", "timeout", "nice", "nohup", "setsid", "xargs", "find", "sudo", "doas", "ssh", "tmux", "screen", "parallel", "script", "strace", "gdb", "ld-linux",
    "ld-musl",
];

fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// The file's name, without `.exe`.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// What this executable, started with these arguments, runs.
pub(super) fn runs(executable: &Path, arguments: &[String]) -> Runs {
    let name = file_name(executable);
    if LAUNCHERS.iter().any(|launcher| name == *launcher || (launcher.starts_with("ld-") && name.starts_with(launcher))) {
        return Runs::Anything;
    }
    if !is_shell(&name) && !INTERPRETERS.iter().any(|interpreter| name.starts_with(interpreter)) {
        return Runs::Itself;
    }
    // Flags that change nothing about which script is run.
    let flags = if is_shell(&name) {
        "euxv"
    } else if name.starts_with("py") {
        "sEIuBOP"
    } else {
        ""
    };
    let harmless = |argument: &&String| argument.strip_prefix('-').is_some_and(|given| !given.is_empty() && given.chars().all(|flag| flags.contains(flag)));
    match arguments.iter().skip(1).find(|argument| !harmless(argument)) {
        Some(script) if !script.starts_with('-') && !script.is_empty() && name != "cmd" => Runs::Script(script.clone()),
        Some(_) | None => Runs::Anything,
    }
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
        let name = file_name(&self.executable);
        let command = self.arguments.iter().skip(1).find_map(|argument| match argument.strip_prefix(['-', '/']) {
            Some(flags) => flags.to_ascii_lowercase().contains('c').then_some(true),
            None => Some(false),
        });
        is_shell(&name) && command == Some(true) && of_the_system(&self.executable)
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

/// Whether the process `pid` runs this very file.
pub(super) fn is_running(pid: u32, process: &Process, file: &Path) -> bool {
    stamp_of_running(pid, &process.executable).zip(stamp(file)).is_some_and(|(running, there)| running == there)
}

/// The executable that runs, if it is still the one at its path.
fn stamp_of_running(pid: u32, path: &Path) -> Option<Stamp> {
    let there = stamp(path)?;
    // Behind this name Linux keeps the file itself, also after it was replaced.
    let running = if cfg!(target_os = "linux") { stamp(Path::new(&format!("/proc/{pid}/exe")))? } else { there.clone() };
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

/// What the system tells about the process `pid`.
#[cfg(target_os = "linux")]
pub(super) fn look(pid: u32) -> Option<Process> {
    let of = |what: &str| PathBuf::from(format!("/proc/{pid}/{what}"));
    let executable = std::fs::read_link(of("exe")).ok()?;
    let stat = std::fs::read_to_string(of("stat")).ok()?;
    // The second field, the name in parentheses, may hold anything; the parent is the second after it, the start the twentieth.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    let line = std::fs::read(of("cmdline")).unwrap_or_default();
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

    #[cfg(unix)]
    #[test]
    fn only_a_shell_of_the_system_that_runs_one_command_line_is_between() {
        let between = |line: &[&str]| started(line).is_between();
        assert!(between(&["/bin/sh", "sh", "-c", "stagedoor credential-process x"]) && between(&["/bin/sh", "sh", "-ec", "x"]));
        for no in [&["/bin/sh", "sh"][..], &["/bin/sh", "sh", "evil.sh"], &["/bin/sh", "sh", "evil.sh", "-c"], &["/tmp/sh", "sh", "-c", "x"]] {
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
