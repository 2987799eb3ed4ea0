//! `lease`: a narrowed session for one command, or for a program that asks for it by the lease's ID.
//!
//! The command is a child, so that the lease can be stopped when it ends: signals go through to it, the terminal is its own, and
//! its exit code is handed on. Without a command the ID is printed, for `credential-process --lease`.

use std::{ffi::OsString, io::Read, path::Path, process::ExitCode};

use stagedoor_core::{
    agent::protocol::{Request, Response, Variable},
    clock::Clock,
    deliver,
    error::{Code, Error, Result},
    model::{
        lease::{LeaseRequest, LeaseView, Narrowing},
        mfa::MfaCode,
        params::{SessionDuration, SessionTag, SourceIdentity},
        profile::ProfileName,
        secret::Secret,
    },
};

use time::OffsetDateTime;

use crate::{
    Outside, ask,
    lease_args::{LeaseArguments, LeaseCommand},
    print, sessions, stay, vault,
};

/// The longest policy that is read: far beyond what STS takes.
const LONGEST_POLICY: u64 = 64 * 1024;

/// `lease`
pub(crate) fn run(outside: &Outside, arguments: LeaseArguments) -> Result<ExitCode> {
    match arguments.command {
        Some(LeaseCommand::List { json }) => return list(outside, json),
        Some(LeaseCommand::Stop { lease, all: _ }) => return stop(outside, lease),
        None => {}
    }
    let (request, command) = match request(arguments) {
        Ok(request) => request,
        Err(error) if error.code == Code::File => return Err(error),
        Err(error) => return Ok(print::wrong_argument(&error)),
    };
    ask::warn_if_elsewhere(outside);
    let lease = ask_for(outside, &request)?;
    if command.is_empty() {
        print::say(&format!(
            "The lease {} of {} ({}) holds until {}.\nhint: Give it to a program with this line in its profile: credential_process = {} credential-process --lease {}",
            lease.name,
            lease.profile,
            lease.narrowing.words(),
            sessions::local(lease.ends),
            std::env::current_exe().map_or_else(|_| "stagedoor".to_owned(), |path| path.display().to_string()),
            lease.id,
        ));
        return Ok(print::data(&lease.id));
    }
    if lease.expiration.is_some_and(|end| end < lease.ends) {
        print::say(&format!(
            "warning: AWS gives this role an hour at once, and what a command has in its environment is not renewed: it ends at {}",
            lease.expiration.map(sessions::local).unwrap_or_default()
        ));
    }
    let outcome = with_command(outside, &lease, &command);
    // The command is over, so nobody needs it any more. One that has ended by itself is no failure.
    let stopped = ask::ask(outside, &Request::StopLease { lease: Some(lease.id) });
    match (outcome, stopped) {
        (Ok(code), Err(error)) if error.code != Code::NoCredentials => {
            print::say(&format!("warning: the lease could not be stopped: {}; it ends at {}", error.message, sessions::local(lease.ends)));
            Ok(code)
        }
        (outcome, _) => outcome,
    }
}

fn with_command(outside: &Outside, lease: &LeaseView, command: &[OsString]) -> Result<ExitCode> {
    let Response::Variables { variables } = ask::ask(outside, &Request::LeaseExec { lease: lease.id.clone() })? else {
        return Err(ask::misunderstood());
    };
    let set: Vec<(&str, &str)> = variables.iter().map(|Variable { name, value }| (name.as_str(), value.expose())).collect();
    stay::run(command, &deliver::STALE, &set)
}

fn request(arguments: LeaseArguments) -> Result<(LeaseRequest, Vec<OsString>)> {
    let LeaseArguments { command: _, profile, read_only, bucket, no_iam, policy, tags, source_identity, duration, name, run } = arguments;
    let narrowing = match (bucket, policy) {
        (Some(bucket), _) => Narrowing::Bucket { bucket, read_only },
        (None, Some(path)) => Narrowing::Policy { text: read_policy(&path)? },
        (None, None) if read_only => Narrowing::ReadOnly,
        (None, None) if no_iam => Narrowing::NoIam,
        (None, None) => Narrowing::TagsOnly,
    };
    let program = run.first().map(|program| Path::new(program).file_name().map_or_else(|| program.clone(), Into::into).to_string_lossy().into_owned());
    let request = LeaseRequest {
        profile: ProfileName::new(profile.unwrap_or_default()),
        narrowing,
        tags: tags.iter().map(|tag| SessionTag::parse(tag)).collect::<Result<_>>()?,
        source_identity: source_identity.as_deref().map(SourceIdentity::parse).transpose()?,
        duration: SessionDuration::parse(&duration)?,
        name,
        program: program.map(|program| program.chars().take(64).collect()),
    };
    request.check()?;
    // The partition is the agent's to know; everything else that is wrong with a policy is the same in all of them.
    request.narrowing.session_policy(stagedoor_core::model::arn::Partition::Aws)?;
    Ok((request, run))
}

fn read_policy(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LONGEST_POLICY).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_POLICY).read_to_string(&mut text))
    };
    read.map_err(|error| Error { hint: "Check the path, or pipe the policy in: --policy -".to_owned(), ..Error::file("read", path, &error) })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Asks for a lease; where an MFA code is needed and a person sits at the terminal, takes it along.
fn ask_for(outside: &Outside, request: &LeaseRequest) -> Result<LeaseView> {
    let mut mfa_code = None;
    for _ in 0..4 {
        let asked =
            ask::ask(outside, &Request::Lease { request: request.clone(), mfa_code: mfa_code.take() }).map_err(|error| ask::named(error, &request.profile));
        let error = match asked {
            Ok(Response::Leases { leases }) => return leases.into_iter().next().ok_or_else(ask::misunderstood),
            Ok(_) => return Err(ask::misunderstood()),
            Err(error) => error,
        };
        let (Code::MfaCodeRequired | Code::MfaCodeRefused, Some(serial)) = (error.code, &error.mfa_serial) else { return Err(error) };
        if !print::can_prompt() {
            return Err(error);
        }
        if error.code == Code::MfaCodeRefused {
            print::error(&error);
        }
        mfa_code = Some(code_of(serial)?);
    }
    Err(Error::new(Code::MfaCodeRefused, "No code was accepted", format!("Start the profile first: stagedoor start {}", request.profile)))
}

fn code_of(serial: &str) -> Result<Secret> {
    loop {
        let typed = print::prompt(&format!("MFA code of {serial}: "))?;
        match MfaCode::parse(&typed) {
            Ok(code) => return Ok(Secret::new(code.expose())),
            // A slip of the finger is asked for again.
            Err(slip) => print::error(&slip),
        };
    }
}

fn list(outside: &Outside, json: bool) -> Result<ExitCode> {
    let Response::Leases { leases } = ask::ask(outside, &Request::Leases)? else { return Err(ask::misunderstood()) };
    let locked = leases.is_empty() && vault::is_locked(outside)?;
    if locked {
        print::say(vault::LOCKED);
    }
    if json {
        return print::json(&leases);
    }
    if locked {
        return Ok(ExitCode::SUCCESS);
    }
    if leases.is_empty() {
        print::say("No lease runs.\nhint: Make one: stagedoor lease PROFILE --read-only -- CMD");
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::system().now();
    let rows: Vec<_> = leases
        .into_iter()
        .map(|lease| {
            let note = lease.error.map_or_else(|| lease.program.unwrap_or(lease.asked_by), |error| error.message);
            let left = left(lease.ends, lease.expiration, now);
            vec![lease.id, lease.name, lease.profile.to_string(), lease.narrowing.words(), sessions::local(lease.ends), left, note]
        })
        .collect();
    Ok(print::table(&["ID", "NAME", "PROFILE", "MAY", "UNTIL", "TIME LEFT", "FOR"], &rows))
}

/// How long a lease still lasts, and whether its credentials are renewed before: `1 h 58 min, renewed`.
fn left(ends: OffsetDateTime, expiration: Option<OffsetDateTime>, now: OffsetDateTime) -> String {
    let minutes = (ends - now).whole_minutes();
    let time = match (minutes / 60, minutes % 60) {
        (..0, _) | (_, ..0) | (0, 0) => "less than a minute".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    // A minute apart is the same end, as AWS counts it.
    if expiration.is_some_and(|end| ends - end > time::Duration::MINUTE) { format!("{time}, renewed") } else { time }
}

fn stop(outside: &Outside, lease: Option<String>) -> Result<ExitCode> {
    // How many there were is known while they are not sealed.
    let none = match (&lease, ask::ask(outside, &Request::Leases)?) {
        (None, Response::Leases { leases }) => leases.is_empty() && !vault::is_locked(outside)?,
        _ => false,
    };
    let said = lease.as_ref().map_or_else(
        || "All leases are stopped: they are not handed out again.".to_owned(),
        |lease| format!("The lease {lease} is stopped: it is not handed out again."),
    );
    ask::ask(outside, &Request::StopLease { lease })?;
    if none {
        print::say("No lease ran, so there was nothing to stop.");
    } else {
        print::say(&format!("{said} What was handed out works at AWS until it expires; to cut it off, revoke the role's older sessions in IAM."));
    }
    Ok(ExitCode::SUCCESS)
}

/// `credential-process --lease`
pub(crate) fn credential_process(outside: &Outside, lease: &str) -> ExitCode {
    sessions::process(outside, &format!("the lease {lease}"), &Request::LeaseProcess { lease: lease.to_owned() }, |error| error)
}

/// `write`: temporary credentials into the credentials file, or out of it.
pub(crate) fn write(outside: &Outside, profile: &ProfileName, section: Option<String>, off: bool) -> Result<ExitCode> {
    if off {
        ask::ask(outside, &Request::WriteFileNoMore { profile: profile.clone() })?;
        print::say(&format!("{profile} is not written into a file any more."));
        return Ok(ExitCode::SUCCESS);
    }
    let Response::File { file } = ask::ask_with_code(outside, profile, &Request::WriteFile { profile: profile.clone(), section })? else {
        return Err(ask::misunderstood());
    };
    print::say(&format!(
        "The temporary credentials of {profile} are in [{}] of {} until {}; they are renewed there, and taken out when the session or Stagedoor ends.\nhint: Every program of yours can read them there. Take them out: stagedoor write {profile} --off",
        file.section,
        outside.paths.told(&outside.paths.aws_credentials),
        file.expiration.map(sessions::local).unwrap_or_default()
    ));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn the_time_left_is_told_and_that_it_is_renewed_before() {
        let now = datetime!(2026-11-23 09:00 UTC);
        let told = |minutes: i64, credentials: i64| left(now + Duration::minutes(minutes), Some(now + Duration::minutes(credentials)), now);
        assert_eq!(told(58, 58), "58 min");
        assert_eq!(told(118, 60), "1 h 58 min, renewed");
        assert_eq!(told(120, 120), "2 h");
        assert_eq!(told(0, 0), "less than a minute");
        assert_eq!(left(now - Duration::minutes(3), None, now), "less than a minute");
    }
}
