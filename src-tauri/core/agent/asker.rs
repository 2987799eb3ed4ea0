//! Who asks: the process at the other end of the socket, and the program that really wants the credentials.
//!
//! `credential_process` is started by a shell that was started by the tool, so the name that means something to a person is
//! that of the first ancestor that is neither Stagedoor nor a shell. It is told to people, and decides nothing.

use std::path::{Path, PathBuf};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The process that wants credentials; `None` for the app itself.
    pub pid: Option<u32>,
    /// A short name for people: `aws`, `terraform`, `Stagedoor`.
    pub name: String,
    /// Its executable.
    pub executable: Option<PathBuf>,
    /// The executable of its parent.
    pub parent: Option<PathBuf>,
}

/// What the system tells about a process.
struct Process {
    executable: PathBuf,
    /// A script's name where the executable is only its interpreter.
    name: String,
    parent: u32,
}

/// Programs that stand between a tool and us.
const BETWEEN: [&str; 9] = ["stagedoor", "sh", "dash", "bash", "zsh", "fish", "cmd", "pwsh", "powershell"];

impl Asker {
    /// The window, the tray and the renewal.
    pub fn stagedoor() -> Self {
        Self { pid: None, name: "Stagedoor".to_owned(), executable: None, parent: None }
    }

    /// Somebody at the socket whose process the system does not tell.
    pub fn unknown() -> Self {
        Self { name: "a program".to_owned(), ..Self::stagedoor() }
    }

    /// The program behind the peer `pid`.
    pub fn behind(pid: u32) -> Self {
        let mut nearest = None;
        let mut next = pid;
        for _ in 0..8 {
            let Some(process) = look(next) else { break };
            let between = BETWEEN.contains(&process.name.trim_end_matches(".exe"));
            let (id, parent) = (next, process.parent);
            let asker = Self { pid: Some(id), name: process.name, executable: Some(process.executable), parent: look(parent).map(|p| p.executable) };
            if !between {
                return asker;
            }
            nearest.get_or_insert(asker);
            next = parent;
            if next <= 1 {
                break;
            }
        }
        nearest.unwrap_or(Self { pid: Some(pid), name: format!("process {pid}"), executable: None, parent: None })
    }
}

/// `python3.11 /usr/bin/aws` is `aws`: for an interpreter the script's name says more.
fn told_name(executable: &Path, arguments: &[String]) -> String {
    let file = |path: &str| Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = file(&executable.to_string_lossy()).unwrap_or_default();
    let interpreter = ["python", "ruby", "node", "perl"].iter().any(|i| name.starts_with(i));
    let script = arguments.iter().skip(1).find(|a| !a.starts_with('-')).filter(|_| interpreter && arguments.get(1).is_some_and(|a| a != "-c"));
    script.and_then(|script| file(script)).unwrap_or(name)
}

#[cfg(target_os = "linux")]
fn look(pid: u32) -> Option<Process> {
    let of = |what: &str| PathBuf::from(format!("/proc/{pid}/{what}"));
    let executable = std::fs::read_link(of("exe")).ok()?;
    let stat = std::fs::read_to_string(of("stat")).ok()?;
    // The second field, the name in parentheses, may hold anything; the parent is the second after it.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let line = std::fs::read(of("cmdline")).unwrap_or_default();
    let arguments: Vec<_> = line.split(|b| *b == 0).take(4).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    Some(Process { name: told_name(&executable, &arguments), executable, parent })
}

#[cfg(not(target_os = "linux"))]
fn look(pid: u32) -> Option<Process> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let process = system.process(pid)?;
    let executable = process.exe()?.to_owned();
    let arguments: Vec<_> = process.cmd().iter().map(|a| a.to_string_lossy().into_owned()).collect();
    Some(Process { name: told_name(&executable, &arguments), executable, parent: process.parent().map_or(0, Pid::as_u32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_called_by_its_name() {
        let name = |exe: &str, args: &[&str]| told_name(Path::new(exe), &args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        assert_eq!(name("/usr/bin/python3.11", &["python3", "/usr/local/bin/aws", "s3", "ls"]), "aws");
        assert_eq!(name("/usr/bin/python3.11", &["python3", "-c", "print(1)"]), "python3.11");
        assert_eq!(name("/usr/bin/terraform", &["terraform", "plan"]), "terraform");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_test_is_found() {
        let me = Asker::behind(std::process::id());
        assert_eq!(me.pid, Some(std::process::id()));
        assert_eq!(me.executable, std::env::current_exe().ok());
        assert!(me.parent.is_some());
    }
}
