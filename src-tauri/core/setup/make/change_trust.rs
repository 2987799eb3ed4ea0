//! Changes of a role's trust policy: who is named in it, and what is asked of them.
//!
//! The rest of the policy stays as it is. Where a key of somebody it names is on this computer, the change is proven with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Making, Words, change::own_role, words};
use crate::{
    error::{Code, Error, Result},
    model::{
        arn::Partition,
        params::ExternalId,
        profile::ProfileName,
        setup::{Change, Expected, ExternalIdChoice, SetupNote, Trusted},
    },
    setup::{
        call::text,
        documents::{Place, Terms, check, edit, new_external_id},
        iam,
        plan::{By, ProofCall},
        thing::Thing,
    },
};

/// A role as it is.
struct Role {
    name: String,
    arn: String,
    trust: String,
    account: String,
    partition: Partition,
}

pub(super) async fn make(making: &mut Making<'_>, change: &Change) -> Result<()> {
    let name = match change {
        Change::AddPrincipal { role, .. }
        | Change::RemovePrincipal { role, .. }
        | Change::ExternalId { role, .. }
        | Change::Mfa { role, .. }
        | Change::MendTrust { role, .. } => super::check::name("role name", role, 64)?,
        Change::Attach { .. } | Change::Detach { .. } | Change::EditPolicy { .. } | Change::RollBack { .. } | Change::InlineToManaged { .. } => return Ok(()),
    };
    making.called(format!("Change who may assume {name}"));
    own_role(&name, "/")?;
    let thing = Thing::Trust { role: name.clone() };
    let title = words(format!("Change the trust policy of {name}"), format!("Changed the trust policy of {name}"), "");
    let found = match making.look(0, &Thing::Role { name: name.clone() }).await? {
        Ok(Some(found)) => found,
        before => {
            let gone = before == Ok(None);
            let step = making.add(Some(0), thing, before, Some(json!({})), title);
            if gone {
                step.conflict(format!("There is no role {name}"), "Choose a role that exists, or create it first: stagedoor setup role");
            }
            return Ok(());
        }
    };
    let found = Some(found);
    let path = text(&found, "Path").unwrap_or_else(|| "/".to_owned());
    own_role(&name, &path)?;
    making.seats[0].place.lies("role", &path, &name);
    let place = &making.seats[0].place;
    let role = Role {
        arn: place.arn(&format!("role/{name}")),
        trust: text(&found, "AssumeRolePolicyDocument").unwrap_or_default(),
        account: place.account_id.clone(),
        partition: Partition::parse(&place.partition).unwrap_or(Partition::Aws),
        name,
    };
    if !matches!(change, Change::MendTrust { .. }) {
        warn_of_deleted(making, &role.name, &role.trust);
    }
    let (title, changed) = changed(making, &role, change).await?;
    let before = Ok(Some(json!({ "PolicyDocument": role.trust })));
    let fits = changed.and_then(|text| check(&text, Place::Trust).map(|()| text));
    match fits {
        Ok(changed) => {
            making.add(Some(0), thing, before, Some(json!({ "PolicyDocument": changed })), title);
            prove(making, &role, &changed, change).await?;
        }
        Err(error) => making.add(Some(0), thing, before, Some(json!({})), title).conflict(error.message, error.hint),
    }
    Ok(())
}

/// Says which principals of a trust policy are not there any more.
pub(super) fn warn_of_deleted(making: &mut Making<'_>, role: &str, trust: &str) {
    let deleted = edit::deleted(trust);
    if !deleted.is_empty() {
        let ids = deleted.join(", ");
        making.warnings.push(format!("The trust policy of {role} names who was deleted: {ids}. Mend it: stagedoor setup change mend-trust {role}"));
    }
}

/// The words of the step, and the trust policy as it shall be, or why it cannot be.
async fn changed(making: &mut Making<'_>, role: &Role, change: &Change) -> Result<(Words, Result<String>)> {
    let (name, trust) = (&role.name, &role.trust);
    Ok(match change {
        Change::AddPrincipal { who, .. } => {
            let title = words(format!("Let {} assume {name}", told(who)), format!("{} may assume {name}", told(who)), "in its trust policy");
            (title, added(making, role, who).await?)
        }
        Change::RemovePrincipal { principal, .. } => {
            let principal = principal.trim();
            let named = edit::remove(trust, principal);
            let title = words(format!("Take {principal} out of the trust policy of {name}"), format!("Took {principal} out of the trust policy of {name}"), "");
            // Who is not named is out already.
            let gone = !trust.contains(principal) && !principal.is_empty();
            (title, if gone && named.is_err() { Ok(trust.clone()) } else { named })
        }
        Change::ExternalId { external_id, .. } => {
            let (verb, done) = if external_id.is_some() {
                ("Ask for an external ID to assume", "Asks for an external ID")
            } else {
                ("Ask for no external ID to assume", "Asks for no external ID")
            };
            let text = asked(making, role, external_id.as_ref())?;
            let kept = matches!(external_id, Some(ExternalIdChoice::Auto)) && text.as_ref() == Ok(trust);
            let detail = if kept { "it asks for one already, which stays" } else { "in its trust policy" };
            (words(format!("{verb} {name}"), format!("{name}: {}", done.to_lowercase()), detail), text)
        }
        Change::Mfa { require, max_age, .. } => {
            let (title, done) = if *require { ("Ask for MFA to assume", "asks for MFA") } else { ("Ask for no MFA to assume", "asks for no MFA") };
            if !require {
                making.warnings.push(format!("Without MFA a stolen access key alone is enough to assume {name}"));
            }
            (words(format!("{title} {name}"), format!("{name} {done}"), "in its trust policy"), edit::set_mfa(trust, *require, *max_age))
        }
        Change::MendTrust { user, .. } => (
            words(format!("Mend the trust policy of {name}"), format!("Mended the trust policy of {name}"), edit::deleted(trust).join(", ")),
            mended(making, role, user.as_deref()).await?,
        ),
        Change::Attach { .. } | Change::Detach { .. } | Change::EditPolicy { .. } | Change::RollBack { .. } | Change::InlineToManaged { .. } => {
            (words("", "", ""), Ok(trust.clone()))
        }
    })
}

/// The trust policy with somebody more in it: on the terms that others of their kind have there.
async fn added(making: &mut Making<'_>, role: &Role, who: &Trusted) -> Result<Result<String>> {
    let mut terms = Terms::default();
    let add = |terms: &Terms| edit::add(&role.trust, who, terms, &role.account, role.partition);
    match who {
        Trusted::User { name } => match user_arn(making, name).await? {
            Some(arn) => terms.users = BTreeMap::from([(name.clone(), arn)]),
            None => return Ok(Err(no_user(name))),
        },
        Trusted::Group { name } => {
            let group = super::check::name("group name", name, 128)?;
            if making.look(0, &Thing::Group { name: group.clone() }).await? == Ok(None) {
                return Ok(Err(Error::new(
                    Code::Conflict,
                    format!("There is no group {group}"),
                    "Choose a group that exists: stagedoor setup group creates one",
                )));
            }
            making.warnings.push(format!(
                "IAM has no groups in trust policies: the role trusts the account, and a policy of {group} must allow it (stagedoor setup group)"
            ));
        }
        Trusted::ThirdParty { id } => {
            let known = super::role_trust::asks(&role.trust, &format!("arn:{}:iam::{id}:root", role.partition.id())).external_id;
            let id = match known.and_then(|known| ExternalId::parse(&known).ok()) {
                Some(known) => known,
                None => new_external_id()?,
            };
            note(making, role, &id);
            terms.external_id = Some(id);
        }
        Trusted::Oidc { arn, audience: None, .. } => {
            let provider = making.seats[0].iam().get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
            terms.audiences = provider.ok().map(|provider| (arn.clone(), provider.client_id_list().to_vec())).into_iter().collect();
        }
        Trusted::Service { name } => {
            if role.trust.contains("\"Service\"") && !role.trust.contains(name.as_str()) {
                making.warnings.push(format!("{} is used by another service already: one role for one purpose keeps what each may do apart", role.name));
            }
        }
        Trusted::Account { .. } | Trusted::Saml { .. } | Trusted::Oidc { .. } => {}
    }
    // Who is named already stays as they are.
    let plain = add(&terms);
    if plain.as_ref().is_ok_and(|text| *text == role.trust) {
        return Ok(plain);
    }
    terms.mfa = asks_people(&role.trust, "aws:MultiFactorAuthPresent").is_some();
    terms.mfa_max_age = asks_people(&role.trust, "aws:MultiFactorAuthAge").and_then(|age| age.parse().ok());
    Ok(add(&terms))
}

/// What an allowing statement asks of people.
pub(super) fn asks_people(trust: &str, key: &str) -> Option<String> {
    let policy: Value = serde_json::from_str(trust).ok()?;
    let statements = policy.get("Statement")?;
    let statements = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    statements.iter().filter(|it| it.get("Effect").and_then(Value::as_str) == Some("Allow")).find_map(|it| {
        let mut keys = it.get("Condition")?.as_object()?.values().filter_map(Value::as_object).flatten();
        let (_, value) = keys.find(|(own, _)| own.eq_ignore_ascii_case(key))?;
        let value = value.get(0).unwrap_or(value);
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    })
}

async fn mended(making: &mut Making<'_>, role: &Role, user: Option<&str>) -> Result<Result<String>> {
    let mut deleted = edit::deleted(&role.trust);
    if user.is_some() {
        // A role that was deleted was no user.
        deleted.retain(|id| id.starts_with("AIDA"));
    }
    let now = match user.map(str::trim) {
        Some(name) => match user_arn(making, name).await? {
            Some(arn) => Some(arn),
            None => return Ok(Err(no_user(name))),
        },
        None => None,
    };
    if now.is_some() && deleted.len() > 1 {
        let message =
            format!("The trust policy names {} principals that were deleted, and one user cannot stand for all of them: {}", deleted.len(), deleted.join(", "));
        return Ok(Err(Error::new(Code::Conflict, message, "Take them out (without --user), then add each user: stagedoor setup change trust-add")));
    }
    Ok(deleted.iter().try_fold(role.trust.clone(), |trust, id| edit::mend(&trust, id, now.as_deref())))
}

/// The ARN of a user that is there, with its path.
async fn user_arn(making: &mut Making<'_>, name: &str) -> Result<Option<String>> {
    let name = super::check::name("user name", name, 64)?;
    let found = making.look(0, &Thing::User { name: name.clone() }).await?;
    let path = found.as_ref().ok().and_then(|found| text(found, "Path")).unwrap_or_else(|| "/".to_owned());
    making.seats[0].place.lies("user", &path, &name);
    Ok((found != Ok(None)).then(|| making.seats[0].place.arn(&format!("user/{name}"))))
}

fn no_user(name: &str) -> Error {
    Error::new(Code::Conflict, format!("There is no user {name}"), "Choose a user that exists, or create it first: stagedoor setup user")
}

/// The trust policy with another external ID, or none. Where it is left to Stagedoor, one that is asked for already stays, and who is
/// asked for none gets one of their own.
fn asked(making: &mut Making<'_>, role: &Role, choice: Option<&ExternalIdChoice>) -> Result<Result<String>> {
    let trust = &role.trust;
    let id = match choice {
        None => None,
        Some(ExternalIdChoice::Value(text)) => Some(ExternalId::parse(text.trim())?),
        Some(ExternalIdChoice::Auto) => {
            let outsiders = edit::outsiders(trust, &role.account);
            if !outsiders.is_empty() {
                return asked_of_each(making, role, &outsiders);
            }
            Some(new_external_id()?)
        }
    };
    let text = edit::set_external_id(trust, id.as_ref(), &role.account);
    if let (Some(id), Ok(_)) = (&id, &text) {
        note(making, role, id);
    }
    Ok(text)
}

fn asked_of_each(making: &mut Making<'_>, role: &Role, outsiders: &[(String, Option<ExternalId>)]) -> Result<Result<String>> {
    let mut text = role.trust.clone();
    let mut known: Vec<(&str, ExternalId)> = outsiders.iter().filter_map(|(name, id)| Some((name.as_str(), id.clone()?))).collect();
    for (principal, _) in outsiders.iter().filter(|(_, id)| id.is_none()) {
        // One account has one external ID, however often it is named.
        let theirs = known.iter().find(|(name, _)| name == principal || edit::same_account(name, principal));
        let id = match theirs {
            Some((_, id)) => id.clone(),
            None => new_external_id()?,
        };
        match edit::ask_external_id(&text, principal, &id) {
            Ok(asked) => text = asked,
            Err(error) => return Ok(Err(error)),
        }
        known.push((principal, id));
    }
    let mut told: Vec<&ExternalId> = Vec::new();
    for (_, id) in &known {
        if !told.contains(&id) {
            told.push(id);
            note(making, role, id);
        }
    }
    Ok(Ok(text))
}

fn note(making: &mut Making<'_>, role: &Role, id: &ExternalId) {
    let text = format!("Role: {}\nExternal ID: {}\nPass this external ID with every AssumeRole: without it AWS refuses.", role.arn, id.as_str());
    making.notes.push(SetupNote { title: "For the third party".to_owned(), text });
}

fn told(who: &Trusted) -> String {
    match who {
        Trusted::User { name } => format!("the user {name}"),
        Trusted::Group { name } => format!("members of {name}"),
        Trusted::Account { id } => format!("the account {id}"),
        Trusted::ThirdParty { id } => format!("the third party {id}"),
        Trusted::Service { name } => format!("the service {name}"),
        Trusted::Saml { arn } | Trusted::Oidc { arn, .. } => format!("the provider {}", arn.rsplit_once("provider/").map_or(arn.as_str(), |(_, name)| name)),
    }
}

/// What can be shown by calling, with keys of this account's users that are on this computer.
async fn prove(making: &mut Making<'_>, role: &Role, changed: &str, change: &Change) -> Result<()> {
    if changed == role.trust {
        return Ok(());
    }
    let name = &role.name;
    let user = |arn: &str| arn.rsplit_once('/').filter(|_| arn.contains(":user/")).map(|(_, user)| user.to_owned());
    let out = match change {
        Change::RemovePrincipal { principal, .. } if !edit::allows(changed, principal.trim()) => user(principal.trim()),
        Change::Mfa { require: true, .. } => users_of(changed).iter().find_map(|arn| user(arn)),
        Change::AddPrincipal { .. }
        | Change::RemovePrincipal { .. }
        | Change::ExternalId { .. }
        | Change::Mfa { .. }
        | Change::MendTrust { .. }
        | Change::Attach { .. }
        | Change::Detach { .. }
        | Change::EditPolicy { .. }
        | Change::RollBack { .. }
        | Change::InlineToManaged { .. } => None,
    };
    let Some(user) = out else { return Ok(()) };
    let Some((profile, serial)) = profile_of(making, &user).await else { return Ok(()) };
    let without = matches!(change, Change::Mfa { .. });
    let call = ProofCall::Assume {
        by: By::Profile { profile },
        role_arn: role.arn.clone(),
        mfa_serial: serial.filter(|_| !without),
        external_id: None,
        source_identity: None,
        tags: Vec::new(),
    };
    let how = if without { " without an MFA code" } else { "" };
    making.prove(Expected::Denied, call, format!("Be refused {name} as {user}{how}"), format!("Was refused {name} as {user}{how}"));
    Ok(())
}

/// The users that a trust policy names.
fn users_of(trust: &str) -> Vec<String> {
    let texts = trust.split('"');
    texts.filter(|text| text.starts_with("arn:") && text.contains(":user/")).map(str::to_owned).collect()
}

/// A profile on this computer with a key of a user, and its MFA device where the seed is here.
async fn profile_of(making: &Making<'_>, user: &str) -> Option<(ProfileName, Option<String>)> {
    let ground = making.ground;
    if ground.kept.is_empty() {
        return None;
    }
    let keys = iam::keys_of(&making.seats[0], user).await.ok()?;
    let found = ground.files.profiles().iter().find(|profile| {
        let id = profile.get("stagedoor_access_key_id");
        id.is_some_and(|id| keys.iter().any(|key| key.active && key.id == id) && ground.kept.iter().any(|kept| kept.as_str() == id))
    })?;
    let serial = found.get("mfa_serial").filter(|serial| ground.seeds.iter().any(|seed| seed == serial)).map(str::to_owned);
    Some((ProfileName::new(&*found.name), serial))
}
