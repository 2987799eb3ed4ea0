//! Sessions of a role end now, or an access key does; what that hits is told first.
//!
//! A role's sessions cannot be taken away one by one: a policy on the role denies whatever began before it was written. There is no
//! honest proof of that (GetCallerIdentity is answered all the same), so none is made.

use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use super::{Making, words};
use crate::{
    aws::Refusal,
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        chain::{Base, Chain},
        profile::ProfileName,
        setup::{PolicyHolder, RevokeIntent, RevokeTarget},
    },
    policy::{
        Document, Shape,
        document::{PrincipalKind, Principals},
    },
    setup::{iam, moment, thing::Thing},
};

/// As the console calls it.
const POLICY: &str = "AWSRevokeOlderSessions";

pub(super) async fn make(making: &mut Making<'_>, wanted: &RevokeIntent) -> Result<()> {
    match &wanted.target {
        RevokeTarget::Role { role: wanted } => role(making, wanted.trim()).await,
        RevokeTarget::Key { user, key: id } => key(making, user.as_deref().map(str::trim).filter(|user| !user.is_empty()), id).await,
    }
}

async fn role(making: &mut Making<'_>, wanted: &str) -> Result<()> {
    let place = making.seats[0].place.clone();
    if let Some((account, _)) =
        wanted.strip_prefix("arn:").and_then(|rest| rest.split_once(":role/")).and_then(|(head, name)| Some((head.rsplit(':').next()?, name)))
        && account != place.account_id
    {
        return Err(refused(
            format!("{wanted} is in account {account}, and {} is in account {}", making.seats[0].profile, place.account_id),
            format!("Choose an admin profile of account {account}: --as PROFILE"),
        ));
    }
    let last = if wanted.starts_with("arn:") { wanted.rsplit('/').next().unwrap_or_default() } else { wanted };
    let name = super::check::name("role name", last, 64)?;
    if name.starts_with("AWSReservedSSO_") {
        return Err(of_identity_center(&name));
    }
    let found = match iam::role_use(&making.seats[0], &name).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            return Err(refused(
                format!("There is no role {name} in account {}", place.account_id),
                "Check the name, or choose an admin profile of the role’s account: --as PROFILE",
            ));
        }
        Err(fault) if fault.refusal == Refusal::Denied => {
            making.lacks(0, "iam:GetRole", "it cannot be looked at");
            making.called(format!("Revoke the sessions of {name}"));
            return Ok(());
        }
        Err(fault) => return Err(fault.error),
    };
    if found.path.starts_with("/aws-service-role/") {
        return Err(refused(
            format!("{name} is a service-linked role: only its AWS service may change it"),
            "Stop what uses it in that service; what the role did is in CloudTrail",
        ));
    }
    if found.path.starts_with("/aws-reserved/sso.amazonaws.com/") {
        return Err(of_identity_center(&name));
    }
    if wanted.starts_with("arn:") && wanted != found.arn {
        return Err(refused(format!("There is no role {wanted}: the role {name} is {}", found.arn), "Name the role by its ARN, or by its name only"));
    }
    making.called(format!("Revoke the sessions of {name}"));
    making.seats[0].place.lies("role", &found.path, &name);
    making.warnings.push(match &found.last {
        Some((at, region)) => format!("{name} was last used on {}{}", told(*at), region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default()),
        None => format!("IAM knows of no use of {name} in the last 400 days"),
    });
    who_may(making, &name, &found.trust);
    let leading = through(making, |chain| chain.hops.iter().any(|hop| hop.role_arn.as_str() == found.arn));
    hit_here(making, &leading, &name);
    let holder = PolicyHolder::Role(name.clone());
    let thing = Thing::Inline { holder, name: POLICY.to_owned() };
    let title = words(
        format!("Deny everything to sessions of {name} that began before now"),
        format!("Denied everything to older sessions of {name}"),
        format!("inline policy {POLICY}, with the time at which it is applied"),
    );
    let before = making.look(0, &thing).await?;
    making.add(Some(0), thing, before, Some(json!({ "PolicyDocument": moment::revoke_older() })), title);
    forget(making, &found.arn, &name);
    Ok(())
}

fn of_identity_center(name: &str) -> Error {
    refused(
        format!("{name} belongs to IAM Identity Center, which would undo a change of it"),
        "End the user’s sessions in IAM Identity Center (Users, Active sessions), or take the assignment away there",
    )
}

async fn key(making: &mut Making<'_>, user: Option<&str>, id: &AccessKeyId) -> Result<()> {
    let place = making.seats[0].place.clone();
    if id.is_temporary() {
        return Err(refused(
            format!("{id} is the ID of temporary credentials, and only their role’s or user’s can be revoked"),
            "Revoke the role: stagedoor revoke NAME",
        ));
    }
    let unseen = || {
        refused(
            format!("There is no access key {id} in account {}, or {} may not see it", place.account_id, making.seats[0].profile),
            "Choose an admin profile of the account that the key is in, with iam:GetAccessKeyLastUsed, or name its user",
        )
    };
    let known = match iam::key_use(&making.seats[0], id.as_str()).await {
        Ok(known) => known,
        Err(fault) if fault.refusal == Refusal::Denied => None,
        Err(fault) => return Err(fault.error),
    };
    let owner = match (user, &known) {
        (Some(user), _) => super::check::name("user name", user, 64)?,
        (None, None) => return Err(unseen()),
        (None, Some(known)) => known.user.clone().ok_or_else(|| {
            refused(
                format!("{id} is a key of the account’s root user, which IAM cannot switch off"),
                "Sign in to the console as root and delete it there: Security credentials",
            )
        })?,
    };
    making.called(format!("Revoke the access key {id} of {owner}"));
    if let Ok(Some(found)) = making.look(0, &Thing::User { name: owner.clone() }).await? {
        let path = found.get("Path").and_then(|path| path.as_str()).unwrap_or("/").to_owned();
        making.seats[0].place.lies("user", &path, &owner);
    }
    let thing = Thing::KeyStatus { user: owner.clone(), key: id.clone() };
    let before = making.look(0, &thing).await?;
    if before == Ok(None) {
        return Err(refused(format!("{owner} has no access key {id}"), "Name the user whose key it is, or none: it is found by the key"));
    }
    let used = known.map_or_else(|| "when it was last used is not known".to_owned(), |known| used(&known));
    making.warnings.push(format!("{id} of {owner}: {used}"));
    making.warnings.push("Sessions that were got with the key go on until they expire: where that is too long, revoke the roles too".to_owned());
    let leading = through(making, |chain| matches!(&chain.base, Base::AccessKey { access_key_id, .. } if access_key_id == id));
    hit_here(making, &leading, id.as_str());
    let own = leading.contains(&making.seats[0].profile);
    let title =
        words(format!("Make the access key {id} inactive"), format!("Made the access key {id} inactive"), format!("{used}; it can be made active again"));
    let admin = making.seats[0].profile.clone();
    let step = making.add(Some(0), thing, before, Some(json!({ "Status": "Inactive" })), title);
    if own {
        step.conflict(
            format!("{admin} signs with this very key, and could not take it back"),
            "Choose another admin profile: --as PROFILE, or replace the key: stagedoor keys rotate",
        );
    }
    forget(making, id.as_str(), id.as_str());
    Ok(())
}

/// The step that clears up on this computer.
fn forget(making: &mut Making<'_>, of: &str, name: &str) {
    let title = words(
        format!("Forget the sessions of {name} on this computer"),
        format!("Forgot the sessions of {name} on this computer"),
        "Stagedoor’s sealed ones, and the AWS CLI’s in ~/.aws/cli/cache",
    );
    making.add(None, Thing::LocalSessions { of: of.to_owned() }, Ok(Some(json!({ "Kept": true }))), None, title).irreversible = true;
}

/// The profiles whose credentials come that way.
fn through(making: &Making<'_>, leads: impl Fn(&Chain) -> bool) -> Vec<ProfileName> {
    let names = making.ground.files.profiles().iter().map(|profile| ProfileName::new(&*profile.name));
    names.filter(|name| making.ground.files.resolve(name).is_ok_and(|chain| leads(&chain))).collect()
}

/// What it hits on this computer.
fn hit_here(making: &mut Making<'_>, leading: &[ProfileName], what: &str) {
    let list = |names: &[&ProfileName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let (held, rest): (Vec<_>, Vec<_>) = leading.iter().partition(|name| making.ground.held.contains(name));
    if !held.is_empty() {
        making.warnings.push(format!("On this computer it ends the sessions of {}", list(&held)));
    }
    if !rest.is_empty() {
        making.warnings.push(format!("On this computer {} leads through {what}, without a session just now", list(&rest)));
    }
}

/// Who can assume the role again at once.
fn who_may(making: &mut Making<'_>, name: &str, trust: &str) {
    let Ok(document) = Document::parse(trust, Shape::Trust) else { return };
    let (mut named, mut services) = (Vec::new(), Vec::new());
    for statement in &document.statements {
        if let Principals::In(names) = &statement.principals {
            for it in names {
                if it.kind == PrincipalKind::Service { services.push(it.name.clone()) } else { named.push(it.name.clone()) }
            }
        }
    }
    if !named.is_empty() {
        making.warnings.push(format!("Whoever may assume {name} can do so again at once: {}", named.join(", ")));
    }
    if !services.is_empty() {
        making.warnings.push(format!("{} uses {name}, and is denied everything until it fetches new credentials", services.join(", ")));
    }
}

/// When a key was last used, in words; what cannot be known is said.
pub(super) async fn last_used(making: &Making<'_>, id: &str) -> String {
    match iam::key_use(&making.seats[0], id).await {
        Ok(Some(known)) => used(&known),
        Ok(None) | Err(_) => "when it was last used is not known".to_owned(),
    }
}

fn used(known: &iam::KeyUse) -> String {
    known.last.as_ref().map_or_else(
        || "never used".to_owned(),
        |(at, service, region)| {
            let service = service.as_ref().map(|service| format!(" for {service}")).unwrap_or_default();
            let region = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
            format!("last used on {}{service}{region}", told(*at))
        },
    )
}

fn told(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] at [hour]:[minute] UTC")).unwrap_or_default()
}

/// `1 day`, `90 minutes`.
pub(super) fn plain_words(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn refused(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Code::InvalidValue, message.into(), hint.into())
}
