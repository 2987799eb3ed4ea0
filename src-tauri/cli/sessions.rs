//! Sessions: start, stop, and every way to get one out of the agent.
//!
//! All of it is asked of the agent. A person at the terminal is asked for an MFA code where one is needed; a script gets exit
//! code 3 and a hint instead.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use stagedoor_core::{
    agent::{
        ConsoleTarget,
        protocol::{Request, Response, SessionLine},
        socket::client::{self, Failure},
    },
    deliver,
    error::{Code, Error, Result},
    model::{mfa::MfaCode, profile::ProfileName, secret::Secret, snapshot::SessionState},
    store::aws_files::AwsFiles,
};

use crate::{Outside, args::ShellChoice, ask, print, vault};

/// The SDKs kill a `credential_process` after a minute and tell nobody why, so it says so itself before.
const ANSWER_WITHIN: Duration = Duration::from_secs(55);

/// `credential-process`: JSON and nothing else on standard output, one line of reason on standard error.
pub(crate) fn credential_process(outside: &Outside, profile: String) -> ExitCode {
    let profile = ProfileName::new(profile);
    process(outside, profile.as_str(), &Request::CredentialProcess { profile: profile.clone() }, |error| ask::named(error, &profile))
}

/// The same for a profile or a lease, in time and in one line.
pub(crate) fn process(outside: &Outside, what: &str, request: &Request, named: impl Fn(Error) -> Error) -> ExitCode {
    let end = Instant::now() + ANSWER_WITHIN;
    let late = || Error::new(Code::Agent, format!("Stagedoor did not answer for {what} within 55 seconds"), "Quit Stagedoor, then run this again");
    let answer = match client::ask_until(&outside.paths, request, end) {
        Ok(Response::Failed { error }) => Err(error),
        Err(Failure::Late) if cfg!(unix) => Err(late()),
        // No agent, or one that ends: to start another takes locks and a keychain, and it can hang in each. A thread that watches
        // over the usual answer as well would cost it a tenth of its time.
        Ok(Response::Ending) | Err(_) => {
            watch(end, late());
            ask::ask(outside, request)
        }
        Ok(response) => Ok(response),
    };
    match answer.map_err(named) {
        Ok(Response::Text { text }) => print::data(text.expose()),
        Ok(_) => print::error_in_one_line(&ask::misunderstood()),
        Err(error) => print::error_in_one_line(&error),
    }
}

/// Gives up at `end`, wherever the rest of the program is then.
fn watch(end: Instant, late: Error) {
    std::thread::spawn(move || {
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        let _ = print::error_in_one_line(&late);
        std::process::exit(i32::from(late.exit_code()));
    });
}

/// `ask`: whether a profile asks before it is handed out.
pub(crate) fn asks(outside: &Outside, profile: &ProfileName, yes: bool) -> Result<ExitCode> {
    ask::ask(outside, &Request::Ask { profile: profile.clone(), yes })?;
    print::say(&if yes { format!("{profile} asks before a program gets it.") } else { format!("{profile} no longer asks.") });
    Ok(ExitCode::SUCCESS)
}

/// `start`
pub(crate) fn start(outside: &Outside, profile: &ProfileName, code: Option<String>) -> Result<ExitCode> {
    let mfa_code = match code.map(|code| MfaCode::parse(&code).map(|code| Secret::new(code.expose()))).transpose() {
        Ok(code) => code,
        Err(error) => return Ok(print::wrong_argument(&error)),
    };
    ask::warn_if_elsewhere(outside);
    ask::ask_with_code(outside, profile, &Request::Start { profile: profile.clone(), mfa_code })?;
    ask::warn_of_the_clock(outside);
    let line = sessions(outside)?.into_iter().find(|session| session.profile == *profile);
    print::say(&match line.as_ref().and_then(|line| line.expiration) {
        Some(end) => format!(
            "{profile} is active until {}{}.",
            local(end),
            if line.is_some_and(|l| l.renews_at.is_some()) { " and renews by itself" } else { "; then a code is needed" }
        ),
        None => format!("{profile} is active."),
    });
    Ok(ExitCode::SUCCESS)
}

/// `stop`
pub(crate) fn stop(outside: &Outside, profile: Option<ProfileName>, all: bool) -> Result<ExitCode> {
    let (request, said) = match profile {
        Some(profile) if !all => (Request::Stop { profile: profile.clone() }, format!("{profile} is stopped.")),
        Some(_) | None => (Request::StopAll, "All sessions are stopped.".to_owned()),
    };
    ask::ask(outside, &request)?;
    print::say(&said);
    Ok(ExitCode::SUCCESS)
}

fn sessions(outside: &Outside) -> Result<Vec<SessionLine>> {
    match ask::ask(outside, &Request::Status)? {
        Response::Status { sessions, .. } => Ok(sessions),
        _ => Err(ask::misunderstood()),
    }
}

/// `status`
pub(crate) fn status(outside: &Outside, json: bool) -> Result<ExitCode> {
    let Response::Status { sessions, problems } = ask::ask(outside, &Request::Status)? else { return Err(ask::misunderstood()) };
    for problem in &problems {
        print::say(&format!("warning: {}\nhint: {}", problem.message, problem.hint));
    }
    let locked = sessions.is_empty() && vault::is_locked(outside)?;
    if locked {
        print::say(vault::LOCKED);
    }
    if json {
        return print::json(&sessions);
    }
    if locked {
        return Ok(ExitCode::SUCCESS);
    }
    if sessions.is_empty() {
        print::say("No session is active.\nhint: Start one: stagedoor start PROFILE");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            let end = session.expiration.map(local).unwrap_or_default();
            let renews = match (session.renews_at, session.expiration) {
                (Some(at), _) => local(at),
                (None, Some(_)) => "needs a code".to_owned(),
                (None, None) => String::new(),
            };
            let note = session.error.as_ref().map_or_else(|| session.delivered.join(", "), |error| error.message.clone());
            vec![session.profile.to_string(), state(session.state).to_owned(), end, renews, note]
        })
        .collect();
    Ok(print::table(&["PROFILE", "STATE", "UNTIL", "RENEWS", "HANDED OUT"], &rows))
}

/// A state in a word.
pub(crate) const fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Active => "active",
        SessionState::Starting => "starting",
        SessionState::Failed => "failed",
    }
}

/// A moment in this machine's time zone where it is known, else in UTC.
pub(crate) fn local(at: time::OffsetDateTime) -> String {
    let format = time::macros::format_description!("[hour]:[minute]");
    match time::UtcOffset::local_offset_at(at) {
        Ok(offset) => at.to_offset(offset).format(format).unwrap_or_default(),
        Err(_) => format!("{} UTC", at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()),
    }
}

/// `env`
pub(crate) fn environment(outside: &Outside, profile: &ProfileName, ShellChoice(shell): ShellChoice, unset: bool) -> Result<ExitCode> {
    if unset {
        let files = AwsFiles::read(&outside.paths)?;
        let endpoint = files.profile(profile).is_some_and(|found| found.get("endpoint_url").is_some());
        return Ok(print::data(&deliver::unset(shell, endpoint)));
    }
    match ask::ask_with_code(outside, profile, &Request::Environment { profile: profile.clone(), shell, at_terminal: print::can_prompt() })? {
        Response::Text { text } => Ok(print::data(text.expose())),
        _ => Err(ask::misunderstood()),
    }
}

/// `console`
pub(crate) fn console(outside: &Outside, profile: &ProfileName, target: ConsoleTarget, link: bool) -> Result<ExitCode> {
    let request = Request::Console { profile: profile.clone(), target, link };
    ask::warn_if_elsewhere(outside);
    let Response::Text { text } = ask::ask_with_code(outside, profile, &request)? else { return Err(ask::misunderstood()) };
    ask::warn_of_the_clock(outside);
    if link {
        return Ok(print::data(text.expose()));
    }
    // A one-time door on loopback: the sign-in link, a secret, is never an argument of the browser.
    open::that_detached(text.expose()).map_err(|error| {
        Error::new(Code::NotSupported, format!("No browser could be opened: {error}"), format!("Print the link instead: stagedoor console {profile} --print"))
    })?;
    print::say(&format!("The console opens as {profile}."));
    Ok(ExitCode::SUCCESS)
}

/// `whoami`
pub(crate) fn who_am_i(outside: &Outside, profile: &ProfileName, json: bool) -> Result<ExitCode> {
    ask::warn_if_elsewhere(outside);
    let Response::Identity { identity } = ask::ask_with_code(outside, profile, &Request::WhoAmI { profile: profile.clone() })? else {
        return Err(ask::misunderstood());
    };
    ask::warn_of_the_clock(outside);
    if json {
        return print::json(&identity);
    }
    let account = identity.account_alias.as_ref().map_or_else(|| identity.account.clone(), |alias| format!("{} ({alias})", identity.account));
    Ok(print::data(&format!("{}\naccount {account}\nuser ID {}", identity.arn, identity.user_id)))
}
