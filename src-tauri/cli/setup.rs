//! `setup`, `revoke`, `keys rotate` and `import --plan`: changes to IAM as plans. Reads arguments, asks the agent, prints.
//!
//! A plan is data and goes to standard output; what happens while it is applied are words. Nothing is sent without --apply, and a
//! plan that cannot be applied as it stands is exit code 1, so that a script sees it too.

use std::process::ExitCode;

use stagedoor_core::{
    agent::{
        SetupAnswer, SetupRequest,
        protocol::{Request, Response},
    },
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        profile::ProfileName,
        setup::{ImportIntent, Intent, RevokeIntent, RevokeTarget, SetupState, SetupView},
    },
    store::aws_files::AwsFiles,
};

use crate::{
    Outside, ask, files, print,
    setup_args::{Mode, RevokeArguments, RotateArguments, SetupCommand},
    setup_follow,
    setup_intent::{self, Wanted},
    setup_print as print_setup,
};

/// `setup`
pub(crate) fn run(outside: &Outside, command: SetupCommand) -> Result<ExitCode> {
    let wanted = match command {
        SetupCommand::User(wanted) => setup_intent::user(*wanted),
        SetupCommand::Role(wanted) => setup_intent::role(*wanted),
        SetupCommand::Group(wanted) => Ok(setup_intent::group(wanted)),
        SetupCommand::Change { command } => setup_intent::change(*command),
        SetupCommand::List { json } => return list(outside, json),
        SetupCommand::Show { id, json } => return show(outside, id, json),
        SetupCommand::Undo { id, json } => {
            let view = view(outside, SetupRequest::View { id: id.clone() })?;
            return setup_follow::begin(outside, &view, SetupRequest::Undo { id }, json);
        }
        SetupCommand::Resume { id, json } => {
            let view = view(outside, SetupRequest::View { id: id.clone() })?;
            return setup_follow::begin(outside, &view, SetupRequest::Resume { id }, json);
        }
    };
    planned(outside, wanted)
}

/// `keys rotate`
pub(crate) fn rotate(outside: &Outside, wanted: RotateArguments) -> Result<ExitCode> {
    planned(outside, setup_intent::rotate(wanted))
}

/// `import --plan` and `import --apply`
pub(crate) fn import(outside: &Outside, profiles: Vec<String>, mode: Mode) -> Result<ExitCode> {
    made(outside, Intent::Import(ImportIntent { profiles: files::named(profiles) }), mode)
}

/// `revoke`
pub(crate) fn revoke(outside: &Outside, wanted: RevokeArguments) -> Result<ExitCode> {
    let RevokeArguments { role, key, user, admin, mode } = wanted;
    let key = match key.as_deref().map(AccessKeyId::parse).transpose() {
        Ok(key) => key,
        Err(error) => return Ok(print::wrong_argument(&error)),
    };
    let (admin, target) = match (admin.map(ProfileName::new), key, role) {
        (Some(admin), Some(key), _) => (admin, RevokeTarget::Key { user, key }),
        (Some(admin), None, Some(role)) => (admin, RevokeTarget::Role { role }),
        (None, None, Some(profile)) => match of_role_profile(&AwsFiles::read(&outside.paths)?, &profile) {
            Some((admin, role)) => {
                print::say(&format!("As {admin}, the source profile of {profile}; as another: --as ADMIN"));
                (admin, RevokeTarget::Role { role })
            }
            None => {
                return Ok(print::wrong_argument(&nobody_named(&format!("“{profile}” is no role profile of this computer, so it is not known who revokes"))));
            }
        },
        (None, Some(_), _) => return Ok(print::wrong_argument(&nobody_named("It is not known who makes the access key inactive"))),
        (Some(_) | None, None, None) => {
            return Ok(print::wrong_argument(&Error::invalid("role", "", "the name or the ARN of a role, or --key KEY_ID")));
        }
    };
    made(outside, Intent::Revoke(RevokeIntent { admin, target }), mode)
}

fn nobody_named(what: &str) -> Error {
    Error::new(Code::InvalidValue, what, "Name a profile that may change IAM in its account: --as ADMIN")
}

/// The source profile and the role of a role profile.
fn of_role_profile(files: &AwsFiles, profile: &str) -> Option<(ProfileName, String)> {
    let found = files.profile(&ProfileName::new(profile))?;
    Some((ProfileName::new(found.get("source_profile")?), found.get("role_arn")?.to_owned()))
}

/// What can be seen to be wrong is a wrong argument; a file that cannot be read is a failure.
fn planned(outside: &Outside, wanted: Result<Wanted>) -> Result<ExitCode> {
    match wanted {
        Ok((intent, mode)) => made(outside, intent, mode),
        Err(error) if error.code == Code::File => Err(error),
        Err(error) => Ok(print::wrong_argument(&error)),
    }
}

/// Makes a plan, and does with it what was asked for.
fn made(outside: &Outside, intent: Intent, mode: Mode) -> Result<ExitCode> {
    let who: Vec<_> = intent.profiles().into_iter().cloned().collect();
    ask::warn_if_elsewhere(outside);
    let plan = match about(outside, &who, SetupRequest::Plan { intent: Box::new(intent) })? {
        SetupAnswer::View(view) => *view,
        _ => return Err(ask::misunderstood()),
    };
    if let Some(format) = mode.export {
        return match about(outside, &who, SetupRequest::Export { id: plan.id, format: format.into() })? {
            SetupAnswer::Text(text) => Ok(print::data(&text)),
            _ => Err(ask::misunderstood()),
        };
    }
    if mode.apply && plan.state == SetupState::Planned {
        let id = plan.id.clone();
        return setup_follow::begin(outside, &plan, SetupRequest::Apply { id }, mode.json);
    }
    if mode.json {
        print::json(&print_setup::json(&plan))?;
    } else if !mode.apply || plan.state == SetupState::Blocked {
        print::data(&print_setup::told(&plan, print_setup::Paint::of_output()));
    }
    Ok(match plan.state {
        SetupState::Blocked => print::error(&in_the_way(&plan)),
        SetupState::Nothing => {
            print::say("Everything is there already; nothing was sent.");
            ExitCode::SUCCESS
        }
        SetupState::Planned
        | SetupState::Applying
        | SetupState::Stopped
        | SetupState::Waiting
        | SetupState::Done
        | SetupState::Defect
        | SetupState::Undoing
        | SetupState::Undone => {
            print::say("Nothing was sent. Apply it with --apply.");
            ExitCode::SUCCESS
        }
    })
}

/// Why a plan cannot be applied: the first conflict, else what the admin lacks.
fn in_the_way(plan: &SetupView) -> Error {
    let sent = |error: &Error| Error { message: format!("{}; nothing was sent", error.message), ..error.clone() };
    if let Some(error) = plan.error.as_ref().or_else(|| plan.steps.iter().find_map(|step| step.error.as_ref())) {
        return sent(error);
    }
    match &plan.missing[..] {
        [] => Error::new(Code::InvalidValue, "The plan cannot be applied; nothing was sent", "See what is in the way: the same with --plan"),
        [first, more @ ..] => {
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            let message = format!("{} lacks {} on {}{more}; nothing was sent", first.profile, first.action, first.resource);
            Error::new(Code::AwsRefused, message, "Give that profile the permissions, or use --as with one that has them")
        }
    }
}

/// Asks about setups; where one of these profiles needs an MFA code and a person sits at the terminal, it is asked for.
pub(crate) fn about(outside: &Outside, who: &[ProfileName], what: SetupRequest) -> Result<SetupAnswer> {
    let whose = |serial: &str| {
        let files = AwsFiles::read(&outside.paths).ok();
        let has = |name: &&ProfileName| {
            files.as_ref().and_then(|files| files.resolve(name).ok()).is_some_and(|chain| chain.mfa_serial().is_some_and(|its| its.as_str() == serial))
        };
        who.iter().find(has).or_else(|| who.first()).cloned().unwrap_or_default()
    };
    match ask::ask_with_codes(outside, whose, &Request::Setup { ask: what })? {
        Response::Setup { answer } => Ok(answer),
        _ => Err(ask::misunderstood()),
    }
}

/// A plan as it stands.
pub(crate) fn view(outside: &Outside, what: SetupRequest) -> Result<SetupView> {
    match about(outside, &[], what)? {
        SetupAnswer::View(view) => Ok(*view),
        _ => Err(ask::misunderstood()),
    }
}

/// `setup show`
fn show(outside: &Outside, id: String, json: bool) -> Result<ExitCode> {
    let view = view(outside, SetupRequest::View { id })?;
    if json {
        return print::json(&print_setup::json(&view));
    }
    Ok(print::data(&print_setup::told(&view, print_setup::Paint::of_output())))
}

/// `setup list`
fn list(outside: &Outside, json: bool) -> Result<ExitCode> {
    let SetupAnswer::List(lines) = about(outside, &[], SetupRequest::List)? else { return Err(ask::misunderstood()) };
    if json {
        return print::json(&lines);
    }
    if lines.is_empty() {
        print::say("No setup was applied yet.\nhint: Begin with a plan, which sends nothing: stagedoor setup user NAME --as ADMIN");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = lines
        .into_iter()
        .map(|line| {
            let state = match (line.state, line.waits_until) {
                (SetupState::Waiting, Some(until)) => format!("waits until {}", files::moment(until)),
                (SetupState::Stopped, _) => format!("stopped at {} of {}", line.done, line.steps),
                (state, _) => print_setup::state(state).to_owned(),
            };
            vec![line.id, files::moment(line.at), print_setup::clean(&line.title), line.accounts.join(", "), state]
        })
        .collect();
    Ok(print::table(&["ID", "WHEN", "WHAT", "ACCOUNT", "STATE"], &rows))
}

#[cfg(test)]
mod tests {
    use stagedoor_core::model::setup::MissingPermission;

    use super::*;
    use crate::setup_print::tests::plan;

    #[test]
    fn a_plan_that_cannot_be_applied_says_why_in_one_line() {
        let mut blocked = SetupView { state: SetupState::Blocked, ..plan() };
        let lacks = |action: &str| MissingPermission {
            profile: ProfileName::new("admin"),
            action: action.to_owned(),
            resource: "arn:aws:iam::111122223333:user/dana".to_owned(),
            why: String::new(),
        };
        blocked.missing = vec![lacks("iam:CreateUser"), lacks("iam:PutUserPolicy")];
        let error = in_the_way(&blocked);
        assert_eq!(error.message, "admin lacks iam:CreateUser on arn:aws:iam::111122223333:user/dana and 1 more; nothing was sent");
        assert_eq!(error.exit_code(), 1);
        // What is in the way of a step comes first: it has a way out of its own.
        blocked.steps[1].error = Some(Error::new(Code::InvalidValue, "There is a user dana", "Go on with it: --existing"));
        let error = in_the_way(&blocked);
        assert_eq!((&*error.message, &*error.hint), ("There is a user dana; nothing was sent", "Go on with it: --existing"));
    }
}
