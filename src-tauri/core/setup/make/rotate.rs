//! A new access key in place of an old one, in the order in which nothing is ever without a working key.
//!
//! The new key is proven before the old one is touched; the old one is only switched off at first, and is deleted after the time that
//! was chosen. Until then all of it can be taken back.

use serde_json::{Value, json};

use super::{
    Making,
    revoke::{last_used, plain_words},
    words,
};
use crate::{
    aws::Refusal,
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        chain::{Base, Chain, KeyPlace},
        profile::ProfileName,
        setup::{Expected, RotateIntent, Standing},
    },
    setup::{
        iam::{self, ListedKey},
        plan::{By, ProofCall},
        thing::Thing,
    },
};

/// The property that says which key of the keychain a profile has.
const KEY: &str = "stagedoor_access_key_id";

pub(super) async fn make(making: &mut Making<'_>, wanted: &RotateIntent) -> Result<()> {
    let profile = &wanted.profile;
    let old = key_of(&making.ground.files.resolve(profile)?, profile)?;
    if old.is_temporary() {
        return Err(refused(format!("{old} is the ID of temporary credentials, which end by themselves"), "Choose a profile with a long-lived access key"));
    }
    making.called(format!("New access key for {profile}"));
    let user = owner(making, &old).await?;
    let by_itself = making.seats[0].place.arn(&format!("user/{user}")) == making.seats[0].arn;
    let keys = match iam::keys_of(&making.seats[0], &user).await {
        Ok(keys) => keys,
        Err(fault) if fault.refusal == Refusal::Denied => {
            making.lacks(0, "iam:ListAccessKeys", "it cannot be looked at");
            return Ok(());
        }
        Err(fault) => return Err(fault.error),
    };
    if !keys.iter().any(|key| key.id == old.as_str()) {
        return Err(refused(
            format!("{old}, the key of {profile}, is none of {user}’s access keys any more"),
            format!("Store a key that works: stagedoor keys add {profile}"),
        ));
    }
    let second = keys.iter().find(|key| key.id != old.as_str()).cloned();
    dropped(making, wanted, &user, &old, second.as_ref()).await?;
    let new = new_key(making, &user, &old, &keys, wanted.drop.as_ref()).await;
    let proven = making.steps.len();
    for name in having(making, &old) {
        let title = words(format!("Give {name} the new key"), format!("Gave {name} the new key"), "its sessions carry on");
        let thing = Thing::ProfileKey { profile: name };
        let to = json!({ "AccessKeyId": format!("$made:{new}:AccessKeyId") });
        making.add(None, thing, Ok(Some(json!({ "AccessKeyId": old.as_str() }))), Some(to), title);
    }
    // Whoever has the key in a plain file is not seen here.
    let plain: Vec<_> =
        making.ground.files.profiles().iter().filter(|other| other.get("aws_access_key_id") == Some(old.as_str())).map(|other| other.name.clone()).collect();
    if !plain.is_empty() {
        making.warnings.push(format!(
            "{} has this key in a plain file too, and goes on with the old one until it stops working: move it into the keychain first (stagedoor import)",
            plain.join(", ")
        ));
    }
    retire(making, wanted.wait, &user, &old, &keys);
    let before = making.steps[proven].id.clone();
    let by = By::NewKey { step: new };
    let proof = making.prove(
        Expected::Allowed,
        ProofCall::Identity { by },
        format!("Sign in as {user} with the new key"),
        format!("Signed in as {user} with the new key"),
    );
    proof.before = Some(before);
    if by_itself {
        making.warnings.push(format!("{user} replaces its own key: once the old one is inactive, the new one signs"));
    }
    Ok(())
}

/// The access key that a profile itself has.
fn key_of(chain: &Chain, profile: &ProfileName) -> Result<AccessKeyId> {
    match &chain.base {
        Base::AccessKey { profile: owner, access_key_id, place: KeyPlace::Keychain, .. } if chain.hops.is_empty() && owner == profile => {
            Ok(access_key_id.clone())
        }
        Base::AccessKey { profile: owner, place: KeyPlace::File, .. } if owner == profile => {
            Err(refused(format!("The access key of {profile} lies in a plain file"), format!("Move it into the keychain first: stagedoor import {profile}")))
        }
        Base::AccessKey { profile: owner, .. } => Err(refused(
            format!("{profile} has no access key of its own: it gets its credentials with the key of {owner}"),
            format!("Rotate that one: stagedoor keys rotate {owner}"),
        )),
        Base::Static { .. } => {
            Err(refused(format!("{profile} has temporary credentials, which end by themselves"), "Choose a profile with a long-lived access key"))
        }
        Base::Process { .. } | Base::Source { .. } | Base::WebIdentity { .. } | Base::IdentityCenter { .. } | Base::Login { .. } => {
            Err(refused(format!("{profile} has no access key: it gets temporary credentials elsewhere"), "Choose a profile with a long-lived access key"))
        }
    }
}

/// Whose key it is, and where that user lies.
async fn owner(making: &mut Making<'_>, old: &AccessKeyId) -> Result<String> {
    let seat = &making.seats[0];
    let own = seat.signer.access_key_id() == old.as_str()
        || making.ground.files.resolve(&seat.profile).is_ok_and(|chain| key_of(&chain, &seat.profile).as_ref() == Ok(old));
    let user = if own {
        user_of(&seat.arn)
    } else {
        let known = iam::key_use(seat, old.as_str()).await;
        match known {
            Ok(Some(found)) => found.user,
            Ok(None) => return Err(not_here(making, old)),
            Err(fault) if fault.refusal == Refusal::Denied => return Err(not_here(making, old)),
            Err(fault) => return Err(fault.error),
        }
    };
    let Some(user) = user else {
        return Err(refused(
            format!("{old} is a key of the account’s root user, and nothing should be done with it"),
            "Create an IAM user for this computer (stagedoor setup user), then delete root’s key in the console: Security credentials",
        ));
    };
    let place = if own { seat.arn.split_once(":user").map(|(_, rest)| rest.strip_suffix(&*user).unwrap_or("/").to_owned()) } else { None };
    let path = match place {
        Some(path) => path,
        None => match making.look(0, &Thing::User { name: user.clone() }).await? {
            Ok(found) => found.as_ref().and_then(|found| found.get("Path")?.as_str()).unwrap_or("/").to_owned(),
            Err(()) => "/".to_owned(),
        },
    };
    making.seats[0].place.lies("user", &path, &user);
    Ok(user)
}

/// `dana` of `arn:aws:iam::111122223333:user/people/dana`.
fn user_of(arn: &str) -> Option<String> {
    arn.split_once(":user/").and_then(|(_, name)| name.rsplit('/').next()).map(str::to_owned)
}

fn not_here(making: &Making<'_>, old: &AccessKeyId) -> Error {
    let seat = &making.seats[0];
    refused(
        format!("{} in account {} does not see the access key {old}", seat.profile, seat.place.account_id),
        "Choose an admin profile of the account that the key is in, with iam:GetAccessKeyLastUsed",
    )
}

/// The second key, which goes at once where that was chosen.
async fn dropped(making: &mut Making<'_>, wanted: &RotateIntent, user: &str, old: &AccessKeyId, second: Option<&ListedKey>) -> Result<()> {
    let Some(drop) = &wanted.drop else { return Ok(()) };
    if drop == old {
        return Err(refused(format!("{drop} is the key that is replaced, and it goes at the end"), "Name the other key with --drop, or none"));
    }
    if second.is_none_or(|second| second.id != drop.as_str()) {
        return Err(refused(format!("{user} has no other access key {drop}"), "Leave --drop away, or name a key that is there"));
    }
    let status = second.map_or("Active", status);
    let used = last_used(making, drop.as_str()).await;
    let users = having(making, drop);
    if !users.is_empty() {
        making.warnings.push(format!("{} has the key {drop}, and has none then", users.join(", ")));
    }
    let title = words(format!("Delete the other key {drop}"), format!("Deleted the access key {drop}"), used);
    let step = making.add(Some(0), Thing::OldKey { user: user.to_owned(), key: drop.clone() }, Ok(Some(json!({ "Status": status }))), None, title);
    step.irreversible = true;
    Ok(())
}

/// The step that makes the new key.
async fn new_key(making: &mut Making<'_>, user: &str, old: &AccessKeyId, keys: &[ListedKey], drop: Option<&AccessKeyId>) -> String {
    // AWS allows two.
    let mut ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).filter(|id| drop.is_none_or(|drop| drop.as_str() != *id)).collect();
    ids.sort_unstable();
    let mut told = Vec::new();
    if ids.len() >= 2 {
        for key in keys {
            told.push(format!("{} ({}, {})", key.id, status(key).to_lowercase(), last_used(making, &key.id).await));
        }
    }
    let other = ids.iter().find(|id| **id != old.as_str()).map(|id| (*id).to_owned());
    let title = words("Create a new access key, straight into the keychain", format!("Created a new access key of {user}"), "never shown and never on disk");
    let before = json!({ "AccessKeyIds": ids });
    let step = making.add(Some(0), Thing::NewKey { user: user.to_owned() }, Ok(Some(before)), Some(json!({ "AccessKeyId": "$made" })), title);
    step.standing = Standing::New;
    if let (false, Some(other)) = (told.is_empty(), other) {
        step.conflict(
            format!("{user} has two access keys already, and AWS allows no more: {}", told.join(" and ")),
            format!("Choose the other one to go at once, if nobody uses it: --drop {other}"),
        );
    }
    step.id.clone()
}

/// The end of the old key: off, a while, gone.
fn retire(making: &mut Making<'_>, wait: u32, user: &str, old: &AccessKeyId, keys: &[ListedKey]) {
    let now = keys.iter().find(|key| key.id == old.as_str()).map_or("Active", status);
    let title = words(format!("Make the old key {old} inactive"), format!("Made the old key {old} inactive"), "it can be made active again");
    making.add(
        Some(0),
        Thing::KeyStatus { user: user.to_owned(), key: old.clone() },
        Ok(Some(json!({ "Status": now }))),
        Some(json!({ "Status": "Inactive" })),
        title,
    );
    if wait > 0 {
        let long = plain_words(wait);
        let title = words(format!("Wait {long}"), format!("Waited {long}"), "whatever still uses the old key shows itself; Stagedoor reminds you");
        let thing = Thing::Pause { what: format!("the old key {old} stays inactive before it is deleted") };
        making.add(None, thing, Ok(None), Some(json!({ "Seconds": wait })), title);
    }
    let title = words(format!("Delete the old key {old}"), format!("Deleted the old key {old}"), "also from the keychain");
    let before: Value = json!({ "Status": "Inactive" });
    making.add(Some(0), Thing::OldKey { user: user.to_owned(), key: old.clone() }, Ok(Some(before)), None, title).irreversible = true;
}

/// The profiles on this computer that have a key of the keychain.
fn having(making: &Making<'_>, id: &AccessKeyId) -> Vec<String> {
    let own = making.ground.files.profiles();
    own.iter().filter(|profile| profile.get(KEY) == Some(id.as_str())).map(|profile| profile.name.clone()).collect()
}

const fn status(key: &ListedKey) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn refused(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Code::InvalidValue, message.into(), hint.into())
}
