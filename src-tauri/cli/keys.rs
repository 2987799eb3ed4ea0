//! `keys`: access keys into the keychain. Secrets come from a prompt or standard input, never from an argument.
//!
//! The pair is checked here, so that a slip starts no agent; storing it is the agent's, which alone speaks to the keychain.

use std::process::ExitCode;

use serde_json::json;
use stagedoor_core::{
    agent::{FileEdit, protocol::Request},
    error::Result,
    model::{access_key::AccessKey, chain::KeyPlace, profile::ProfileName, secret::Secret},
    store::{aws_files::AwsFiles, settings::SettingsFile},
};

use crate::{Outside, args::KeysCommand, ask, files, print, setup};

/// Runs one of them.
pub(crate) fn run(outside: &Outside, command: KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::Add { profile } => add(outside, &profile),
        KeysCommand::Rotate(wanted) => setup::rotate(outside, wanted),
        KeysCommand::List { json } => list(outside, json),
    }
}

fn add(outside: &Outside, profile: &str) -> Result<ExitCode> {
    let (id, secret) = if print::is_typed() {
        (print::prompt("Access key ID: ")?, print::prompt_secret("Secret access key (not shown): ")?)
    } else {
        (print::read_line()?, print::read_line()?)
    };
    // Checked here, before the agent is started for nothing.
    let key = AccessKey::parse(&id, Secret::new(secret.as_str()))?;
    let shown = FileEdit::AddKey { profile: ProfileName::new(profile), access_key_id: key.id.clone(), region: None, mfa_serial: None };
    files::preview(outside, &shown)?.diffs.iter().for_each(files::print_diff);
    let request = Request::AddAccessKey { profile: ProfileName::new(profile), access_key_id: key.id.to_string(), secret_access_key: key.secret };
    ask::ask(outside, &request)?;
    print::say(&format!("Access key {} of {profile} is in {}.", key.id, SettingsFile::secrets_place(&outside.paths).words()));
    Ok(ExitCode::SUCCESS)
}

fn list(outside: &Outside, json: bool) -> Result<ExitCode> {
    let found = AwsFiles::read(&outside.paths)?;
    let keys = found.profiles().iter().filter_map(|profile| {
        if let Some(id) = profile.get("stagedoor_access_key_id") {
            return Some((profile.name.clone(), id.to_owned(), KeyPlace::Keychain));
        }
        found.plaintext_key(&ProfileName::new(profile.name.as_str())).map(|key| (profile.name.clone(), key.id.to_string(), KeyPlace::File))
    });
    if json {
        return print::json(&keys.map(|(profile, id, place)| json!({"profile": profile, "access_key_id": id, "place": place})).collect::<Vec<_>>());
    }
    let kept = SettingsFile::secrets_place(&outside.paths).words();
    let place = |place| match place {
        KeyPlace::Keychain => kept.trim_start_matches("the ").to_owned(),
        KeyPlace::File => "plain file".to_owned(),
    };
    let rows: Vec<_> = keys.map(|(profile, id, at)| vec![profile, id, place(at)]).collect();
    Ok(print::table(&["PROFILE", "ACCESS KEY ID", "WHERE"], &rows))
}
