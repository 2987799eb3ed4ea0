//! Starts the agent apart from the program that needs it first: it outlives that program, so nothing of it may live on in the agent.
//!
//! A process inherits more than variables. A lock that a script holds by a descriptor, a pipe that somebody reads to its end, the folder,
//! the terminal and small limits would all stay with an agent that runs for days. So `stagedoor` starts itself once more, drops them there,
//! and becomes the agent.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, ExitCode},
};

use stagedoor_core::error::{Code, Error};

use crate::print;

/// What the step in between is called. It is no command for people.
const STEP: &str = "start-detached";

/// Variables that may name a place from the folder that this program works in.
const PLACES: [&str; 7] =
    ["STAGEDOOR_HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"];

/// The command that becomes `program` with `argument`. `here` is this program.
pub(crate) fn command(here: &Path, program: &Path, argument: &str) -> Command {
    if !cfg!(unix) {
        let mut command = Command::new(program);
        command.arg(argument);
        // DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0000_0208);
        return command;
    }
    let mut command = Command::new(here);
    command.arg(STEP).arg(program).arg(argument);
    for name in PLACES {
        let relative = std::env::var_os(name).filter(|path| !path.is_empty() && !path.as_encoded_bytes().starts_with(b"~") && Path::new(path).is_relative());
        if let Some(path) = relative.and_then(|path| std::path::absolute(path).ok()) {
            command.env(name, path);
        }
    }
    command
}

/// Whether these arguments are the step in between: what it becomes.
pub(crate) fn asked(arguments: &[OsString]) -> Option<&[OsString]> {
    match arguments {
        [step, program @ ..] if cfg!(unix) && step == STEP && !program.is_empty() => Some(program),
        _ => None,
    }
}

/// Leaves everything behind and becomes the program.
#[cfg(unix)]
pub(crate) fn become_it(program: &[OsString]) -> ExitCode {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};

    // A terminal that closes ends its session, and not the agent.
    let _ = setsid();
    close_fds::set_fds_cloexec(3, &[]);
    // What a script allowed itself is no limit for the others; a hard one cannot be lifted.
    for resource in [Resource::Fsize, Resource::Cpu] {
        let hard = getrlimit(resource).maximum;
        let _ = setrlimit(resource, Rlimit { current: hard, maximum: hard });
    }
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).current_dir("/");
    let error = command.exec();
    print::error(&Error::new(Code::Agent, format!("{} could not be run: {error}", program[0].display()), "Install Stagedoor again"))
}

#[cfg(not(unix))]
pub(crate) fn become_it(_program: &[OsString]) -> ExitCode {
    print::error(&Error::new(Code::Agent, "There is no such step on this system", "Run “stagedoor agent” in a terminal"))
}
