//! Asks the agent, and starts one where there is none.
//!
//! Fifty calls at once start one agent: who holds the lock starts it, the others wait for its socket. The app is started
//! hidden where there is a display, so that a person can be asked; else `stagedoor agent`.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use stagedoor_core::{
    agent::{
        protocol::{Request, Response},
        socket::client::{self, Failure},
    },
    aws::{Environment, without_login},
    deliver,
    error::{Code, Error, Result},
    model::{mfa::MfaCode, profile::ProfileName, secret::Secret},
    store::files,
};

use crate::{Outside, child, detach, env, print};

/// How long a new agent has to answer: a keychain that does not, takes five seconds by itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long an agent may take to let its calls land and to seal its sessions.
const ENDING: Duration = Duration::from_secs(50);

/// So many agents that ended over one question are no accident.
const ENOUGH: u8 = 3;

/// How long the app has before an agent without a window is tried.
const APP_PATIENCE: Duration = Duration::from_secs(5);

/// Asks the agent; starts one if nobody is there. An agent that makes room for another is asked again.
pub(crate) fn ask(outside: &Outside, request: &Request) -> Result<Response> {
    let began = Instant::now();
    let (mut started, mut ends) = (false, Ends::default());
    loop {
        let answer = client::ask(&outside.paths, request);
        if answer.as_ref().is_err_and(|failure| ends.too_many(failure)) {
            return Err(no_agent("it ended three times without an answer"));
        }
        match answer {
            Ok(Response::Ending) if began.elapsed() < ENDING => {}
            Ok(Response::Ending) => return Err(no_agent("it has been ending for too long")),
            Ok(Response::Failed { error }) | Err(Failure::Other(error)) => return Err(error),
            Ok(response) => return Ok(response),
            Err(Failure::Nobody) if !started => {
                start(outside)?;
                started = true;
                continue;
            }
            Err(Failure::Nobody | Failure::Gone) if began.elapsed() < PATIENCE => started = false,
            Err(Failure::Nobody | Failure::Gone) => return Err(no_agent("it went away before it answered")),
            Err(Failure::Late) => return Err(no_agent("it does not answer")),
        }
        sleep(Duration::from_millis(20));
    }
}

/// How often an agent ended instead of answering.
#[derive(Default)]
struct Ends {
    asked: bool,
    count: u8,
}

impl Ends {
    /// A question that agents do not survive is not put to one after the other, because others wait for them too.
    fn too_many(&mut self, failure: &Failure) -> bool {
        let ended = matches!(failure, Failure::Nobody) && self.asked;
        self.asked = matches!(failure, Failure::Gone);
        self.count += u8::from(ended);
        self.count >= ENOUGH
    }
}

/// A hint that can be pasted: with the profile that was asked for.
pub(crate) fn named(error: Error, profile: &ProfileName) -> Error {
    Error { hint: error.hint.replace("start PROFILE", &format!("start {profile}")), ..error }
}

/// Asks whoever is there, and nobody else.
pub(crate) fn ask_if_there(outside: &Outside, request: &Request) -> Option<Response> {
    client::ask(&outside.paths, request).ok()
}

/// Warns a person where the agent that runs already goes by other variables than this terminal's. Other AWS files are refused anyway.
pub(crate) fn warn_if_elsewhere(outside: &Outside) {
    if !print::can_prompt() {
        return;
    }
    let Some(Response::Hello { surroundings, .. }) = ask_if_there(outside, &Request::Hello) else { return };
    let here = std::env::vars_os().filter(|(name, value)| !child::hides(&outside.paths, name, value));
    let here = Environment::new(here).surroundings();
    let value = |of: &[(String, String)], name: &str| of.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    let names: BTreeSet<_> = here.iter().chain(&surroundings).map(|(name, _)| name).filter(|name| !child::FILES.contains(&name.as_str())).collect();
    let mut elsewhere = false;
    for name in names {
        let told = |value: &Option<String>| value.as_ref().map_or_else(|| format!("has no {name}"), |value| format!("has {name}={}", without_login(value)));
        let (ours, theirs) = (value(&here, name), value(&surroundings, name));
        if ours != theirs {
            print::say(&format!("warning: the agent that runs {}, and that counts; this terminal {}", told(&theirs), told(&ours)));
            elsewhere = true;
        }
    }
    if elsewhere {
        print::say("hint: Quit Stagedoor and start it from here, or give this terminal an agent of its own: export STAGEDOOR_HOME=FOLDER");
    }
}

/// Warns where this computer's clock is wrong: requests are corrected, but a person would see it nowhere else in a terminal.
pub(crate) fn warn_of_the_clock(outside: &Outside) {
    let Some(Response::Status { problems, .. }) = ask_if_there(outside, &Request::Status) else { return };
    for problem in problems.iter().filter(|problem| problem.code == Code::ClockWrong) {
        print::say(&format!("warning: {}. {}", problem.message, problem.hint));
    }
}

/// Asks; where an MFA code is needed and a person sits at the terminal, takes it and asks again.
pub(crate) fn ask_with_code(outside: &Outside, profile: &ProfileName, request: &Request) -> Result<Response> {
    ask_with_codes(outside, |_| profile.clone(), request)
}

/// The same where several profiles take part: `whose` tells by the device which of them needs the code.
pub(crate) fn ask_with_codes(outside: &Outside, whose: impl Fn(&str) -> ProfileName, request: &Request) -> Result<Response> {
    let with_name = |error: Error| {
        let profile = whose(error.mfa_serial.as_deref().unwrap_or_default());
        named(error, &profile)
    };
    let mut result = ask(outside, request).map_err(with_name);
    for _ in 0..3 {
        let Err(error) = &result else { return result };
        let (Code::MfaCodeRequired | Code::MfaCodeRefused, Some(serial)) = (error.code, &error.mfa_serial) else { return result };
        if !print::can_prompt() || (error.code == Code::MfaCodeRefused && matches!(request, Request::Start { mfa_code: Some(_), .. })) {
            return result;
        }
        if error.code == Code::MfaCodeRefused {
            print::error(error);
        }
        let code = print::prompt(&format!("MFA code of {serial}: "))?;
        // A slip of the finger is asked for again.
        if let Err(slip) = MfaCode::parse(&code) {
            print::error(&slip);
            continue;
        }
        result = ask(outside, &Request::Start { profile: whose(serial), mfa_code: Some(Secret::new(code.as_str())) });
        if result.is_ok() && !matches!(request, Request::Start { .. }) {
            result = ask(outside, request);
        }
    }
    result
}

/// Starts an agent and waits until it listens.
fn start(outside: &Outside) -> Result<()> {
    files::private_folder(&outside.paths.runtime)?;
    let path = outside.paths.runtime.join("start.lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| Error::file("open", &path, &error))?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {}
            Err(TryLockError::WouldBlock) => return Err(no_agent("another program has been starting it for too long")),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path, &error)),
        }
        if listens(outside) {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    if listens(outside) {
        return Ok(());
    }
    let here = std::env::current_exe().map_err(|error| no_agent(&error.to_string()))?;
    let app = here.with_file_name(if cfg!(windows) { "stagedoor-desktop.exe" } else { "stagedoor-desktop" });
    let display = !cfg!(target_os = "linux") || env("DISPLAY").is_some() || env("WAYLAND_DISPLAY").is_some();
    if display && app.exists() && spawn(outside, &here, &app, "--hidden").and_then(|app| wait(outside, app, APP_PATIENCE)).is_ok() {
        return Ok(());
    }
    wait(outside, spawn(outside, &here, &here, "agent")?, PATIENCE)
}

/// Waits until somebody listens, or until who was started for it gives up.
fn wait(outside: &Outside, (mut agent, log): (Child, File), patience: Duration) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if listens(outside) {
            return Ok(());
        }
        if let Some(status) = agent.try_wait().ok().flatten().filter(|status| !status.success()) {
            return Err(no_agent(&last_error(log).unwrap_or_else(|| format!("it ended as it started ({status})"))));
        }
        sleep(Duration::from_millis(5));
    }
    Err(no_agent(&format!("it has not answered for {} seconds; {} may say why", patience.as_secs(), outside.paths.told(&log_path(outside)))))
}

/// What the agent said last, if it is an error of ours.
fn last_error(mut log: File) -> Option<String> {
    let mut text = String::new();
    log.read_to_string(&mut text).ok()?;
    Some(text.lines().rev().find_map(|line| line.strip_prefix("error: "))?.to_owned())
}

fn log_path(outside: &Outside) -> PathBuf {
    outside.paths.data.join("agent.log")
}

fn listens(outside: &Outside) -> bool {
    !matches!(client::ask(&outside.paths, &Request::Hello), Err(Failure::Nobody | Failure::Gone))
}

/// Starts a program that outlives this one and this terminal; what it says goes to the log, which is returned where that begins.
fn spawn(outside: &Outside, here: &Path, program: &Path, argument: &str) -> Result<(Child, File)> {
    files::private_folder(&outside.paths.data)?;
    let path = log_path(outside);
    let large = std::fs::metadata(&path).is_ok_and(|log| log.len() > 1 << 20);
    let mut options = OpenOptions::new();
    options.create(true).append(!large).write(true).truncate(large);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let log = options.open(&path).map_err(|error| Error::file("open", &path, &error))?;
    let mut said = File::open(&path).map_err(|error| Error::file("open", &path, &error))?;
    said.seek(SeekFrom::End(0)).map_err(|error| Error::file("read", &path, &error))?;
    let mut command = detach::command(here, program, argument);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // The agent outlives this terminal, so it takes no credentials of it along.
    for name in deliver::STALE {
        command.env_remove(name);
    }
    // Nor the blindness of a command that sees no AWS files.
    for (name, _) in std::env::vars_os().filter(|(name, value)| child::hides(&outside.paths, name, value)) {
        command.env_remove(name);
    }
    command.spawn().map(|agent| (agent, said)).map_err(|error| no_agent(&format!("{}: {error}", program.display())))
}

fn no_agent(why: &str) -> Error {
    Error::new(Code::Agent, format!("The Stagedoor agent is not there: {why}"), "Run “stagedoor agent” in a terminal to see what it says")
}

/// The agent answered with something else than what was asked for.
pub(crate) fn misunderstood() -> Error {
    Error::new(Code::Agent, "The running Stagedoor answered something unexpected", "Quit Stagedoor (or stop “stagedoor agent”) and start it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_ends_agents_is_put_to_three_of_them() {
        let mut ends = Ends::default();
        // One that is too busy to take a seat for us goes on, and so does one that nobody started yet.
        assert!(![Failure::Gone, Failure::Gone, Failure::Gone, Failure::Late, Failure::Nobody, Failure::Nobody].iter().any(|failure| ends.too_many(failure)));
        let told: Vec<_> = (0..3).map(|_| (ends.too_many(&Failure::Gone), ends.too_many(&Failure::Nobody))).collect();
        assert_eq!(told, [(false, false), (false, false), (false, true)]);
    }
}
