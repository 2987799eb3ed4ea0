//! `lock`, `unlock` and `vault`. A passphrase comes from a prompt or from standard input, never from an argument.
//!
//! All of it is asked of the agent. Where a passphrase is needed and a person sits at the terminal it is asked for, unseen; a script
//! pipes it in, a line each, or gets exit code 3.

use std::process::ExitCode;

use stagedoor_core::{
    agent::protocol::{Request, Response},
    error::{Code, Error, Result},
    model::{lock::SecretsPlace, secret::Secret},
};

use crate::{Outside, args::VaultCommand, ask, print};

/// What is said where the list of sessions or leases is empty because it is locked.
pub(crate) const LOCKED: &str = "Stagedoor is locked: nothing is handed out, and what was active lies sealed.\nhint: Unlock it: stagedoor unlock";

/// How often a person may mistype it before the command ends.
const TRIES: usize = 3;

/// `lock`
pub(crate) fn lock(outside: &Outside) -> Result<ExitCode> {
    ask::ask(outside, &Request::Lock)?;
    print::say("Stagedoor is locked: nothing is handed out.");
    Ok(ExitCode::SUCCESS)
}

/// `unlock`
pub(crate) fn unlock(outside: &Outside) -> Result<ExitCode> {
    if !is_locked(outside)? {
        print::say("Stagedoor is not locked, so there was nothing to unlock.");
        return Ok(ExitCode::SUCCESS);
    }
    with_passphrase(outside, |passphrase| Request::Unlock { passphrase })?;
    print::say("Stagedoor is unlocked.");
    Ok(ExitCode::SUCCESS)
}

/// Whether nothing is handed out until somebody unlocks it.
pub(crate) fn is_locked(outside: &Outside) -> Result<bool> {
    match ask::ask(outside, &Request::Hello)? {
        Response::Hello { locked, .. } => Ok(locked),
        _ => Err(ask::misunderstood()),
    }
}

/// Runs one of `vault …`.
pub(crate) fn run(outside: &Outside, command: &VaultCommand) -> Result<ExitCode> {
    match command {
        VaultCommand::Create { lost } => create(outside, *lost),
        VaultCommand::Passphrase => passphrase(outside),
        VaultCommand::Migrate { to, dry_run, lost } => migrate(outside, (*to).into(), *dry_run, *lost),
    }
}

fn create(outside: &Outside, lost: bool) -> Result<ExitCode> {
    let passphrase = new_passphrase("Passphrase of the new vault (not shown): ")?;
    match ask::ask(outside, &Request::CreateVault { passphrase, lost })? {
        Response::Place { place: SecretsPlace::Vault } => print::say("The vault is made, and Stagedoor keeps its secrets there."),
        Response::Place { place: SecretsPlace::Keychain } => {
            print::say("The vault is made, and still empty: the secrets are in the keychain.\nhint: Move them: stagedoor vault migrate --to vault");
        }
        _ => return Err(ask::misunderstood()),
    }
    print::say("Nobody can open it without the passphrase: keep that where you will find it.");
    Ok(ExitCode::SUCCESS)
}

fn passphrase(outside: &Outside) -> Result<ExitCode> {
    let old = one("Passphrase of the vault as it is (not shown): ")?;
    let new = new_passphrase("New passphrase (not shown): ")?;
    ask::ask(outside, &Request::ChangePassphrase { old, new })?;
    print::say("The vault has its new passphrase.");
    Ok(ExitCode::SUCCESS)
}

fn migrate(outside: &Outside, to: SecretsPlace, dry_run: bool, lost: bool) -> Result<ExitCode> {
    if lost && to == SecretsPlace::Vault {
        let hint = "Make a new vault: stagedoor vault create --lost; or go back to the keychain: stagedoor vault migrate --to keychain --lost";
        return Ok(print::wrong_argument(&Error::new(Code::InvalidValue, "Nothing can be moved to a vault that is lost", hint)));
    }
    if !lost && is_locked(outside)? {
        if !print::is_typed() {
            // A passphrase does not help there: unlocking is a step of its own.
            ask::ask(outside, &Request::Migrate { to, passphrase: None, dry_run, lost })?;
        }
        print::say("Stagedoor is locked: it is unlocked first.");
        with_passphrase(outside, |passphrase| Request::Unlock { passphrase })?;
    }
    let Response::Migrated { migration } = with_passphrase(outside, |passphrase| Request::Migrate { to, passphrase, dry_run, lost })? else {
        return Err(ask::misunderstood());
    };
    let place = to.words();
    for item in &migration.items {
        print::data(item);
    }
    if let Some(error) = migration.left {
        return Err(error);
    }
    if lost {
        print::say(
            "Stagedoor keeps its secrets in the keychain from now on. What was in the vault is lost.\nhint: Add your access keys again: stagedoor keys add PROFILE",
        );
        return Ok(ExitCode::SUCCESS);
    }
    print::say(&match (migration.items.len(), dry_run) {
        (0, true) => "There is nothing to move.".to_owned(),
        (count, true) => format!("{} would be moved to {place}. Nothing was changed.", things(count)),
        (0, false) => format!("There was nothing to move; secrets lie in {place}."),
        (count, false) => format!("{} moved to {place}, verified there, and deleted where they were.", things(count)),
    });
    Ok(ExitCode::SUCCESS)
}

fn things(count: usize) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

/// Asks without a passphrase first, because it is not always needed.
fn with_passphrase(outside: &Outside, request: impl Fn(Option<Secret>) -> Request) -> Result<Response> {
    let mut result = ask::ask(outside, &request(None));
    for _ in 0..TRIES {
        let Err(needed) = &result else { return result };
        if needed.code != Code::Locked {
            return result;
        }
        // A script that pipes nothing in is told what was needed.
        let Ok(typed) = one("Passphrase of the vault (not shown): ") else { return result };
        result = ask::ask(outside, &request(Some(typed)));
        match &result {
            Err(wrong) if wrong.code == Code::Locked && print::is_typed() => {
                print::error(wrong);
            }
            _ => return result,
        }
    }
    result
}

/// A passphrase: typed unseen, or a line of standard input.
fn one(question: &str) -> Result<Secret> {
    let typed = if print::is_typed() { print::prompt_secret(question)? } else { print::read_line()? };
    Ok(Secret::new(typed.as_str()))
}

/// A new one: typed twice at a terminal.
fn new_passphrase(question: &str) -> Result<Secret> {
    let first = one(question)?;
    if print::is_typed() && one("The same once more (not shown): ")? != first {
        return Err(Error::new(Code::InvalidValue, "The two passphrases are not the same", "Run the command again"));
    }
    Ok(first)
}
