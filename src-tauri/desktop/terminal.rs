//! Opens a terminal whose shell has a profile's credentials, through `stagedoor exec`.
//!
//! The credentials come to the shell from the command line program; here only a profile's name is passed on.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use stagedoor_core::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
};

/// Terminal emulators with what stands before the command, in the order in which they are tried.
#[cfg(all(unix, not(target_os = "macos")))]
const EMULATORS: [(&str, &[&str]); 7] = [
    ("x-terminal-emulator", &["-e"]),
    ("gnome-terminal", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("kitty", &[]),
    ("alacritty", &["-e"]),
    ("xterm", &["-e"]),
];

/// Opens one; the first emulator that is installed wins.
pub(crate) fn open(program: &Path, profile: &ProfileName, shell: Option<&str>) -> Result<()> {
    for mut command in commands(program, profile, shell) {
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(mut child) => {
                // Somebody has to collect it when it ends.
                std::thread::spawn(move || child.wait());
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::new(Code::NotSupported, format!("The terminal did not start: {error}"), by_hand(profile))),
        }
    }
    Err(Error::new(Code::NotSupported, "No terminal emulator was found", by_hand(profile)))
}

fn by_hand(profile: &ProfileName) -> String {
    format!("Open a terminal yourself and run: stagedoor exec {profile} -- $SHELL")
}

#[cfg(all(unix, not(target_os = "macos")))]
fn commands(program: &Path, profile: &ProfileName, shell: Option<&str>) -> impl Iterator<Item = Command> {
    EMULATORS.into_iter().map(move |(emulator, before)| {
        let mut command = Command::new(emulator);
        command.args(before).arg(program).args(["exec", profile.as_str(), "--", shell.unwrap_or("/bin/sh")]);
        command
    })
}

#[cfg(target_os = "macos")]
fn commands(program: &Path, profile: &ProfileName, shell: Option<&str>) -> impl Iterator<Item = Command> {
    let quoted = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
    let line = format!("{} exec {} -- {}", quoted(&program.to_string_lossy()), quoted(profile.as_str()), quoted(shell.unwrap_or("/bin/zsh")));
    let script = line.replace('\\', r"\\").replace('"', r#"\""#);
    let mut command = Command::new("osascript");
    command.args(["-e", &format!(r#"tell application "Terminal" to do script "{script}""#), "-e", r#"tell application "Terminal" to activate"#]);
    std::iter::once(command)
}

#[cfg(windows)]
fn commands(program: &Path, profile: &ProfileName, shell: Option<&str>) -> impl Iterator<Item = Command> {
    use std::os::windows::process::CommandExt as _;
    /// A console window of its own.
    const CREATE_NEW_CONSOLE: u32 = 0x10;
    let shell = shell.unwrap_or("powershell.exe");
    let mut terminal = Command::new("wt.exe");
    terminal.arg("new-tab").arg(program).args(["exec", profile.as_str(), "--", shell]);
    let mut console = Command::new(program);
    console.args(["exec", profile.as_str(), "--", shell]).creation_flags(CREATE_NEW_CONSOLE);
    [terminal, console].into_iter()
}
