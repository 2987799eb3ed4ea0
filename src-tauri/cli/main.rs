//! The command line: reads arguments, asks the agent, prints.
//!
//! It never talks to AWS and never reads the keychain. `credential-process` is asked for hundreds of times a day, so it is
//! answered before anything else is set up: no argument parser, no runtime.

mod activity;
mod agent;
mod args;
mod ask;
mod child;
mod detach;
mod doctor;
mod files;
mod files_args;
mod keys;
mod lease;
mod lease_args;
mod mfa;
mod pick;
mod practice;
mod print;
mod profiles;
mod sessions;
mod setup;
mod setup_args;
mod setup_follow;
mod setup_intent;
mod setup_print;
mod stay;
mod vault;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use stagedoor_core::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
    paths::{Paths, Platform},
    private::{self, NoCoreDump},
};

use self::args::{Arguments, Command};

/// The command that tools run.
const CREDENTIAL_PROCESS: &str = "credential-process";

/// Credentials pass through buffers of the libraries below as well (TLS, HTTP, XML), so every byte is wiped as it is given back.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// What every command needs to know of the outside.
struct Outside {
    paths: Paths,
    no_core_dump: NoCoreDump,
}

fn main() -> ExitCode {
    private::quiet_panics();
    let outside = Outside { paths: child::places(|env| Paths::from_env(Platform::current(), env)), no_core_dump: NoCoreDump::begin() };
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(program) = detach::asked(&arguments) {
        outside.no_core_dump.end();
        return detach::become_it(program);
    }
    let fast = match &arguments[..] {
        [command, profile] if command == CREDENTIAL_PROCESS => profile.to_str().filter(|profile| !profile.starts_with('-')),
        [command, dashes, profile] if command == CREDENTIAL_PROCESS && dashes == "--" => profile.to_str(),
        _ => None,
    };
    let done = match fast {
        Some(profile) => Ok(sessions::credential_process(&outside, profile.to_owned())),
        None => slow(&outside, arguments.first().is_some_and(|command| command == CREDENTIAL_PROCESS)),
    };
    match done {
        Ok(code) => code,
        Err(error) => print::error(&error),
    }
}

/// Everything but the warm path.
fn slow(outside: &Outside, in_one_line: bool) -> Result<ExitCode> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // The tools that run it show one line of what it says.
        Err(error) if in_one_line && error.use_stderr() => {
            let text = error.render().to_string();
            let said: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            print::say(&format!("{}. Usage: stagedoor credential-process PROFILE", said.join(" ")));
            return Ok(ExitCode::from(2));
        }
        Err(error) => {
            let _ = error.print();
            return Ok(ExitCode::from(if error.use_stderr() { 2 } else { 0 }));
        }
    };
    let Some(command) = arguments.command else {
        return if print::is_terminal() && print::can_prompt() { pick::run(outside) } else { Ok(print::help(&mut Arguments::command())) };
    };
    let name = |name: String| ProfileName::new(name);
    match command {
        Command::Profiles { json } => profiles::list(outside, json),
        Command::Resolve { profile, json } => profiles::resolve(outside, &name(profile), json),
        Command::Start { profile, mfa_code } => sessions::start(outside, &name(profile), mfa_code),
        Command::Stop { profile, all } => sessions::stop(outside, profile.map(name), all),
        Command::Status { json } => sessions::status(outside, json),
        Command::CredentialProcess { lease: Some(lease), .. } => Ok(lease::credential_process(outside, &lease)),
        Command::CredentialProcess { profile, lease: None } => Ok(sessions::credential_process(outside, profile.unwrap_or_default())),
        Command::Lease(arguments) => lease::run(outside, arguments),
        Command::Write { profile, section, off } => lease::write(outside, &name(profile), section, off),
        Command::Exec { profile, endpoint, command } => child::exec(outside, &name(profile), endpoint, &command),
        Command::Env { profile, shell, unset } => sessions::environment(outside, &name(profile), shell.into(), unset),
        Command::Console { profile, service, path, region, duration, print } => match args::console_target(service, path, region, duration.as_deref()) {
            Ok(target) => sessions::console(outside, &name(profile), target, print),
            Err(error) => Ok(print::wrong_argument(&error)),
        },
        Command::Whoami { profile, json } => sessions::who_am_i(outside, &name(profile), json),
        Command::Connect(wanted) => profiles::connect(outside, wanted),
        Command::Disconnect(wanted) => profiles::disconnect(outside, wanted),
        Command::Ask { profile, off } => sessions::asks(outside, &name(profile), !off),
        Command::Import(wanted) => profiles::import(outside, wanted),
        Command::Files(wanted) => files::run(outside, &wanted),
        Command::Keys { command } => keys::run(outside, command),
        Command::Mfa { command } => mfa::run(outside, command),
        Command::Activity(arguments) => activity::run(outside, arguments),
        Command::Doctor { json } => doctor::run(outside, json),
        Command::Practice { port, eventual, json } => practice::run(port, eventual.as_deref(), json),
        Command::Agent => agent::run(outside),
        Command::Completions { shell } => Ok(print::completions(shell, &mut Arguments::command())),
        Command::Man => print::man(Arguments::command()),
        Command::Setup { command } => setup::run(outside, command),
        Command::Revoke(wanted) => setup::revoke(outside, wanted),
        Command::Explain(_) => Err(later("explain")),
        Command::Check(_) => Err(later("check")),
        Command::Lock => vault::lock(outside),
        Command::Unlock => vault::unlock(outside),
        Command::Vault { command } => vault::run(outside, &command),
    }
}

/// A command that has its name and not yet its substance.
fn later(command: &str) -> Error {
    Error::new(Code::NotSupported, format!("“stagedoor {command}” is not there yet"), "See what is: stagedoor --help")
}

/// One variable of the environment; not UTF-8 counts as unset. Without `HOME`, as in a system service, the home folder is the account's.
#[expect(clippy::disallowed_methods, reason = "the environment is read once, here")]
fn env(name: &str) -> Option<String> {
    let set = std::env::var(name).ok();
    if cfg!(unix) && name == "HOME" && set.as_ref().is_none_or(String::is_empty) {
        return std::env::home_dir()?.into_os_string().into_string().ok();
    }
    set
}
