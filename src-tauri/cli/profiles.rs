//! Profiles: what there is, where it leads, and how it is handed out. Reading needs no agent; its sessions are shown if it runs.
//!
//! Edits are asked of the agent, which makes one at a time; a plain `profiles` or `resolve` starts none.

use std::{collections::HashMap, mem::ManuallyDrop, process::ExitCode};

use serde_json::{Value, json};
use stagedoor_core::{
    agent::{
        FileEdit,
        protocol::{Request, Response, SessionLine},
    },
    error::{Error, Result},
    model::{chain::Chain, profile::ProfileName},
    store::{aws_files::AwsFiles, settings::SettingsFile},
};

use crate::{
    Outside, ask,
    files::{self, How},
    files_args::{Connect, Disconnect, Import},
    print, setup,
};

/// `profiles`
pub(crate) fn list(outside: &Outside, json: bool) -> Result<ExitCode> {
    // Not taken apart again: this program ends, and the system is quicker.
    let files = ManuallyDrop::new(AwsFiles::read(&outside.paths)?);
    for problem in files.problems() {
        print::say(&format!("warning: {}\nhint: {}", problem.message, problem.hint));
    }
    let sessions = match ask::ask_if_there(outside, &Request::Status) {
        Some(Response::Status { sessions, .. }) => sessions,
        Some(_) | None => Vec::new(),
    };
    let sessions: HashMap<&str, &SessionLine> = sessions.iter().map(|session| (session.profile.as_str(), session)).collect();
    let session = |name: &str| sessions.get(name).copied();
    if json {
        return print::json(&files.profiles().iter().map(|profile| profile.listed(session(&profile.name).map(standing))).collect::<Vec<_>>());
    }
    if files.profiles().is_empty() {
        print::say(&format!("There are no profiles in {} yet.\nhint: Add an access key: stagedoor keys add PROFILE", outside.paths.aws_config.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = files
        .profiles()
        .iter()
        .map(|profile| {
            let kind = serde_json::to_value(profile.kind()).ok().and_then(|kind| kind.as_str().map(|kind| kind.replace('_', " "))).unwrap_or_default();
            let state = session(&profile.name).map_or("", |session| crate::sessions::state(session.state));
            let connected = if profile.connected { "connected" } else { "" };
            let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
            vec![profile.name.clone(), kind, text(profile.account_id()), text(profile.get("region")), connected.to_owned(), state.to_owned()]
        })
        .collect();
    Ok(print::table(&["PROFILE", "KIND", "ACCOUNT", "REGION", "HANDED OUT", "SESSION"], &rows))
}

/// How a session stands, as a list shows it.
fn standing(session: &SessionLine) -> Value {
    let line = serde_json::to_value(session).unwrap_or_default();
    json!({"state": line["state"], "expiration": line["expiration"]})
}

/// `resolve`
pub(crate) fn resolve(outside: &Outside, profile: &ProfileName, json: bool) -> Result<ExitCode> {
    let resolved = AwsFiles::read(&outside.paths).and_then(|files| files.resolve(profile));
    match (resolved, json) {
        (Ok(chain), true) => print::json(&with_unlock(chain.json(), locked(outside))),
        (Ok(chain), false) => Ok(print::data(&drawn(&chain))),
        (Err(error), true) => {
            print::json(&json!({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))?;
            Ok(print::error(&error))
        }
        (Err(error), false) => Err(error),
    }
}

/// Whether a person must unlock Stagedoor first. The agent is asked only if it runs: this costs no start of one.
fn locked(outside: &Outside) -> bool {
    match ask::ask_if_there(outside, &Request::Hello) {
        Some(Response::Hello { locked, .. }) => locked,
        Some(_) | None => SettingsFile::begins_locked(&outside.paths),
    }
}

fn with_unlock(mut chain: Value, locked: bool) -> Value {
    if let (true, Some(needs)) = (locked, chain["needs"].as_array_mut()) {
        needs.insert(0, "unlock".into());
    }
    chain
}

/// The chain in words, a line a hop.
fn drawn(chain: &Chain) -> String {
    let json = chain.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let base = &json["base"];
    let what = text(&base["kind"]).replace('_', " ");
    let mut lines = vec![format!("{what} of {}{}", text(&base["profile"]), base["access_key_id"].as_str().map(|id| format!(" ({id})")).unwrap_or_default())];
    if let Some(serial) = chain.mfa_serial().filter(|_| !chain.mfa_on_role()) {
        lines.push(format!("  GetSessionToken with a code of {}", serial.as_str()));
    }
    for (index, hop) in chain.hops.iter().enumerate() {
        let mut line = format!("  AssumeRole {} for {}, at most {} h", hop.role_arn, hop.profile, chain.longest_hop_seconds(index) / 3600);
        if index == 0 && chain.mfa_on_role() {
            line.push_str(", with an MFA code");
        }
        if let Some(id) = &hop.external_id {
            line = format!("{line}, external ID {}", id.as_str());
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// `connect`
pub(crate) fn connect(outside: &Outside, wanted: Connect) -> Result<ExitCode> {
    let Connect { profiles, all, dry_run, yes, access_key } = wanted;
    let how = How { dry_run, yes, all };
    if access_key {
        print::say("The access key itself will be handed out: whoever gets it keeps it, and stopping the session does not end it.");
    }
    let edit = if how.all { FileEdit::ConnectAll } else { FileEdit::Connect { profiles: files::named(profiles), access_key } };
    files::edit(outside, &edit, how, "is handed out to every AWS tool through Stagedoor")
}

/// `disconnect`
pub(crate) fn disconnect(outside: &Outside, wanted: Disconnect) -> Result<ExitCode> {
    let Disconnect { profiles, all, dry_run, yes } = wanted;
    let how = How { dry_run, yes, all };
    let edit = if how.all { FileEdit::DisconnectAll } else { FileEdit::Disconnect { profiles: files::named(profiles) } };
    files::edit(outside, &edit, how, "is no longer handed out through Stagedoor")
}

/// `import --undo`: the first failure ends it, what was done stays done.
fn undo_import(outside: &Outside, profiles: Vec<String>) -> Result<ExitCode> {
    for profile in files::named(profiles) {
        let how = How { dry_run: false, yes: true, all: false };
        files::edit(outside, &FileEdit::UndoImport { profile }, how, "has its access key back in its file, as it was")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `import`
pub(crate) fn import(outside: &Outside, wanted: Import) -> Result<ExitCode> {
    let Import { profiles, dry_run, undo, yes, mode } = wanted;
    if mode.is_given() {
        return setup::import(outside, profiles, mode);
    }
    if undo {
        return undo_import(outside, profiles);
    }
    let how = How { dry_run, yes, all: profiles.is_empty() };
    let found = AwsFiles::read(&outside.paths)?;
    let named: Vec<ProfileName> = if profiles.is_empty() {
        found.profiles().iter().map(|profile| ProfileName::new(profile.name.as_str())).filter(|name| found.plaintext_key(name).is_some()).collect()
    } else {
        files::named(profiles)
    };
    if named.is_empty() {
        print::say("No profile has an access key in a plain file.");
        return Ok(ExitCode::SUCCESS);
    }
    if !how.dry_run {
        ask::warn_if_elsewhere(outside);
    }
    let preview = files::preview(outside, &FileEdit::Import { profiles: named.clone() })?;
    preview.diffs.iter().for_each(files::print_diff);
    let kept = SettingsFile::secrets_place(&outside.paths).words();
    let ids: Vec<_> = named.iter().map(|name| found.plaintext_key(name).map(|key| key.id.to_string()).unwrap_or_default()).collect();
    if how.dry_run {
        for (name, id) in named.iter().zip(&ids) {
            print::say(&format!("Would move access key {id} of {name} into {kept}."));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if how.all && !how.yes && print::can_prompt() && !files::agreed(&preview)? {
        print::say("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    let mut moved = Vec::new();
    for (name, id) in named.iter().zip(&ids) {
        // One key that does not work keeps no other one in its file.
        if let Err(error) = ask::ask(outside, &Request::Import { profile: name.clone() }) {
            code = print::error(&Error { message: format!("{name}: {}", error.message), ..error });
            continue;
        }
        moved.push(name.as_str());
        print::say(&format!("Access key {id} of {name} is in {kept}; AWS accepted it, and the file no longer holds it."));
    }
    if moved.is_empty() {
        return Ok(code);
    }
    let names = moved.join(" ");
    print::say(&format!("hint: AWS tools get it again after: stagedoor connect {names}   (put it back: stagedoor import --undo {names})"));
    Ok(code)
}
