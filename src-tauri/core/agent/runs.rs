//! What an executable runs, by its name and its arguments: itself, a script, or whatever it is told. Pure.
//!
//! An interpreter runs anything, so its script belongs to its name; a launcher (`env`, `make`, `awk`, an editor with a shell in it)
//! and code that came as an argument name nothing. The lists cannot be complete, so a file that is not on them is taken for a
//! program; what stands on one by mistake is only asked about each time.

use std::path::Path;

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
const SHELLS: &[&str] =
    &["sh", "ash", "hush", "dash", "bash", "rbash", "zsh", "fish", "ksh", "mksh", "lksh", "pdksh", "oksh", "yash", "csh", "tcsh", "cmd", "pwsh", "powershell"];

/// Programs that run a script, by the beginning of their names.
const INTERPRETERS: &[&str] =
    &["python", "pypy", "ruby", "node", "perl", "php", "lua", "java", "dotnet", "deno", "bun", "Rscript", "tclsh", "julia", "guile", "osascript"];

/// Programs that run whatever they are told, or whatever a file in the folder tells them.
const LAUNCHERS: &[&str] = &[
    // They run a command.
    "env",
    "timeout",
    "nice",
    "ionice",
    "chrt",
    "taskset",
    "nohup",
    "setsid",
    "stdbuf",
    "time",
    "xargs",
    "find",
    "fd",
    "parallel",
    "watch",
    "flock",
    "entr",
    "script",
    "expect",
    "unbuffer",
    "socat",
    "sudo",
    "doas",
    "su",
    "runuser",
    "pkexec",
    "sg",
    "newgrp",
    "setpriv",
    "capsh",
    "chroot",
    "unshare",
    "nsenter",
    "bwrap",
    "firejail",
    "setarch",
    "linux32",
    "linux64",
    "ssh",
    "tmux",
    "screen",
    "zellij",
    "dtach",
    "aws-vault",
    "chamber",
    "op",
    "direnv",
    "mise",
    "systemd-run",
    // Linkers, tracers and emulators.
    "ld",
    "strace",
    "ltrace",
    "perf",
    "valgrind",
    "rr",
    "gdb",
    "lldb",
    "dlv",
    "wine",
    "wine64",
    "box64",
    "qemu",
    // Builders: a file in the folder says what.
    "make",
    "gmake",
    "bmake",
    "ninja",
    "just",
    "task",
    "cmake",
    "bazel",
    "cargo",
    "go",
    "git",
    "npm",
    "uv",
    // Languages whose first argument is a program, and shells with ways of their own.
    "awk",
    "gawk",
    "mawk",
    "nawk",
    "original-awk",
    "sed",
    "gsed",
    "nu",
    "elvish",
    "xonsh",
    "R",
    "octave",
    "erl",
    "beam",
    "elixir",
    "sbcl",
    "racket",
    "ocaml",
    "ghci",
    "gjs",
    "qjs",
    "wish",
    "micropython",
    // Editors, pagers and others with a way out to a shell.
    "vi",
    "vim",
    "nvim",
    "ex",
    "ed",
    "emacs",
    "less",
    "more",
    "man",
    "tar",
    "rsync",
];

/// What starts the programs of others and takes in those whose parent has ended: that one of them asks says nothing of the next.
const KEEPERS: &[&str] = &[
    "systemd",
    "init",
    "launchd",
    "openrc",
    "runit",
    "runsv",
    "runsvdir",
    "s6-supervise",
    "s6-svscan",
    "supervisord",
    "cron",
    "crond",
    "fcron",
    "anacron",
    "atd",
    "dbus-daemon",
    "dbus-broker",
    "dbus-broker-launch",
    "sshd",
    "login",
    "tini",
    "dumb-init",
    "catatonit",
    "docker-init",
    "docker",
    "dockerd",
    "containerd",
    "containerd-shim",
    "conmon",
    "runc",
    "crun",
    "gnome-session-binary",
    "gnome-shell",
    "plasmashell",
    "kwin_wayland",
    "services",
    "svchost",
];

/// One file for many programs: which one it is stands where its own name would.
const MANY_IN_ONE: &[&str] = &["busybox", "toybox", "coreutils"];

/// The file's name, without `.exe`.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// The program that a file is when it is started with these arguments: `busybox` as `sh` is a shell.
fn applet(executable: &Path, arguments: &[String]) -> String {
    let name = file_name(executable);
    match arguments.first() {
        Some(first) if MANY_IN_ONE.contains(&name.as_str()) => file_name(Path::new(first.trim_start_matches('-'))),
        Some(_) | None => name,
    }
}

/// Whether a name is one of these, also with a version behind it: `gawk-5.2`, `ksh93`, `ld-linux-x86-64.so.2`.
fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.strip_prefix(known).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic() || c == '_')))
}

fn is_shell(name: &str) -> bool {
    is_one_of(name, SHELLS)
}

/// Whether a file takes in and starts the programs of others.
pub(super) fn is_keeper(executable: &Path) -> bool {
    is_one_of(&file_name(executable), KEEPERS)
}

/// What this executable, started with these arguments, runs.
pub(super) fn runs(executable: &Path, arguments: &[String]) -> Runs {
    let name = applet(executable, arguments);
    let (shell, interpreter) = (is_shell(&name), INTERPRETERS.iter().any(|interpreter| name.starts_with(interpreter)));
    if is_keeper(executable) || is_one_of(&name, LAUNCHERS) && !shell && !interpreter || MANY_IN_ONE.contains(&name.as_str()) {
        return Runs::Anything;
    }
    if !shell && !interpreter {
        return Runs::Itself;
    }
    // Flags that change nothing about which script is run.
    let flags = match name.as_str() {
        // Theirs are words, and any beginning of one will do.
        "cmd" | "pwsh" | "powershell" => "",
        _ if shell => "euxv",
        python if python.starts_with("py") => "sEIuBOP",
        _ => "",
    };
    let harmless = |argument: &&String| argument.strip_prefix('-').is_some_and(|given| !given.is_empty() && given.chars().all(|flag| flags.contains(flag)));
    match arguments.iter().skip(1).find(|argument| !harmless(argument)) {
        Some(script) if !script.starts_with('-') && !script.is_empty() && name != "cmd" => Runs::Script(script.clone()),
        Some(_) | None => Runs::Anything,
    }
}

/// Whether it is a shell that was started to run one command line, by the form of its arguments.
pub(super) fn is_command_line(executable: &Path, arguments: &[String]) -> bool {
    let name = applet(executable, arguments);
    let mut given = arguments.iter().skip(1).map(String::as_str);
    match name.as_str() {
        // Its flags begin with `/`, which elsewhere begins the path of a script.
        "cmd" => given.take_while(|argument| argument.starts_with('/')).any(|argument| argument.eq_ignore_ascii_case("/c")),
        "pwsh" | "powershell" => given.next().is_some_and(|argument| ["-c", "-command"].iter().any(|flag| argument.eq_ignore_ascii_case(flag))),
        // One cluster of flags that take no value. Bash reads its long options behind one dash too: none is spelt with these alone.
        _ => {
            is_shell(&name)
                && given
                    .next()
                    .and_then(|first| first.strip_prefix('-'))
                    .is_some_and(|flags| flags.contains('c') && flags.chars().all(|flag| "ceuxvil".contains(flag)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T>(line: &[&str], ask: impl Fn(&Path, &[String]) -> T) -> T {
        let arguments: Vec<_> = line[1..].iter().map(|argument| (*argument).to_owned()).collect();
        ask(Path::new(line[0]), &arguments)
    }

    #[test]
    fn a_script_with_a_c_in_its_path_is_no_command_line() {
        let is = |line: &[&str]| of(line, is_command_line);
        for yes in [
            &["/bin/bash", "bash", "-c", "x"][..],
            &["/bin/dash", "sh", "-ec", "x"],
            &["/bin/zsh", "zsh", "-lic", "x"],
            &["/bin/busybox", "sh", "-c", "x"],
            &["/usr/bin/ksh93", "ksh", "-c", "x"],
            &["C:/Windows/System32/cmd.exe", "cmd.exe", "/d", "/s", "/c", "x"],
            &["/opt/pwsh", "pwsh", "-Command", "x"],
        ] {
            assert!(is(yes), "{yes:?}");
        }
        for no in [
            &["/bin/bash", "bash", "/abs/cscript.sh"][..],
            &["/bin/bash", "bash", "--norc", "/abs/script.sh"],
            &["/bin/bash", "bash", "-norc", "/abs/script.sh"],
            &["/bin/bash", "bash", "-rcfile", "rc", "/abs/script.sh"],
            &["/bin/bash", "bash", "--rcfile", "rc", "-c", "x"],
            &["/bin/bash", "bash", "-x", "/abs/c.sh"],
            &["/bin/bash", "bash", "/c", "x"],
            // It is another flag: no output is overwritten.
            &["/bin/bash", "bash", "-C", "/abs/c.sh"],
            &["/opt/pwsh", "pwsh", "-ExecutionPolicy", "Bypass", "/abs/x.ps1"],
            &["/bin/busybox", "busybox", "sh", "-c", "x"],
            &["/usr/bin/nu", "nu", "-c", "x"],
            &["/bin/bash", "bash", "-", "c"],
            &["/bin/bash", "bash"],
        ] {
            assert!(!is(no), "{no:?}");
        }
    }

    #[test]
    fn what_runs_anything_is_nothing_to_remember() {
        let runs = |line: &[&str]| of(line, runs);
        for program in [
            "make",
            "gmake",
            "ninja",
            "just",
            "awk",
            "gawk",
            "gawk-5.2.1",
            "mawk",
            "watch",
            "flock",
            "su",
            "runuser",
            "sudo",
            "sed",
            "nu",
            "elvish",
            "xonsh",
            "git",
            "vim",
            "busybox",
            "systemd",
            "cron",
            "crond",
            "sshd",
            "tini",
            "qemu-x86_64",
            "ld-linux-x86-64.so.2",
        ] {
            let path = format!("/usr/bin/{program}");
            assert_eq!(runs(&[&path, program, "/usr/bin/aws"]), Runs::Anything, "{program}");
        }
        for shell in ["csh", "tcsh", "ash", "mksh", "lksh", "ksh93", "bash"] {
            let path = format!("/usr/bin/{shell}");
            assert_eq!(runs(&[&path, shell, "-c", "/usr/bin/aws"]), Runs::Anything, "{shell}");
            assert_eq!(runs(&[&path, shell]), Runs::Anything, "{shell}");
            assert_eq!(runs(&[&path, shell, "/usr/bin/deploy"]), Runs::Script("/usr/bin/deploy".to_owned()), "{shell}");
        }
        assert_eq!(runs(&["/bin/busybox", "ash", "/srv/deploy"]), Runs::Script("/srv/deploy".to_owned()));
        assert_eq!(runs(&["/bin/busybox", "xargs", "/usr/bin/aws"]), Runs::Anything);
        for program in ["terraform", "aws", "makepkg", "sleep", "suricata", "gofmt", "lesspipe", "timeouts"] {
            let path = format!("/usr/bin/{program}");
            assert_eq!(runs(&[&path, program]), Runs::Itself, "{program}");
        }
    }
}
