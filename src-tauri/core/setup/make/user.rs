//! A new IAM user: the user, its group, its key and MFA device, what it may assume, and its profiles on this computer.
//!
//! Each role that it may assume is looked at where an admin profile of its account is named: one whose trust policy does not let the
//! user in is changed, and the diff is part of the plan.

use serde_json::{Value, json};

use super::{
    Making, change_policy,
    profiles::{Wanted, write_profiles},
    role_trust::{Assumer, let_in},
    role_trusted::seen,
    same, state, words,
};
use crate::{
    error::{Code, Error, Result},
    model::{
        arn::{Partition, RoleArn},
        profile::ProfileName,
        setup::{Expected, PolicyHolder, PolicyHome, Standing, Tag, UserIntent},
    },
    setup::{
        call::{last, text},
        documents::{self, Passing},
        iam,
        plan::{By, ProofCall},
        thing::{State, Thing},
    },
};

/// The policy by which the user assumes its roles.
const MAY_ASSUME: &str = "AssumeRoles";
/// The policy by which it manages its own credentials.
const SELF_SERVICE: &str = "ManageOwnCredentials";

pub(super) async fn make(making: &mut Making<'_>, wanted: &UserIntent) -> Result<()> {
    let name = super::check::name("user name", &wanted.name, 64)?;
    let path = super::check::path(wanted.path.as_deref())?;
    super::check::tags(&wanted.tags)?;
    let partition = Partition::parse(&making.seats[0].place.partition).unwrap_or(Partition::Aws);
    let account = making.seats[0].place.account_id.clone();
    if wanted.mfa && !wanted.access_key {
        return Err(Error::new(
            Code::InvalidValue,
            "The MFA device is proven with the user’s access key, and there is none",
            "Give the user an access key too",
        ));
    }
    if !wanted.may_assume.is_empty() {
        documents::check_roles(&wanted.may_assume, wanted.wildcard)?;
        making.warnings.extend(documents::wildcards(&wanted.may_assume));
    }
    making.called(format!("New IAM user {name}"));
    making.seats[0].place.lies("user", &path, &name);
    let there = user(making, wanted, &name, &path).await?;
    for group in &wanted.groups {
        member(making, &name, group.trim(), there).await?;
    }
    let key_step = if wanted.access_key { Some(access_key(making, &name, there).await?) } else { None };
    let serial = format!("arn:{}:iam::{account}:mfa{path}{name}", partition.id());
    if wanted.mfa {
        device(making, &name, &serial).await?;
    }
    let holder = PolicyHolder::User(name.clone());
    let mut used = 0;
    if !wanted.may_assume.is_empty() {
        let text = documents::assume_roles(&wanted.may_assume, wanted.mfa, Passing::default());
        let count = match wanted.may_assume.len() {
            1 => "1 role".to_owned(),
            many => format!("{many} roles"),
        };
        let with = if wanted.mfa { ", only with MFA" } else { "" };
        used += documents::check::size(&text);
        grant(making, &holder, (MAY_ASSUME, &text, Home::of(wanted.policy_home, wanted.drop_oldest)), &format!("{name} may assume {count}{with}"), 0, there)
            .await?;
    }
    if wanted.self_service {
        let text = documents::self_service(&account, partition, &path)?;
        let home = if used + documents::check::size(&text) > 2048 { Home::Managed { drop_oldest: wanted.drop_oldest } } else { Home::Inline };
        grant(making, &holder, (SELF_SERVICE, &text, home), &format!("{name} may manage its own keys and MFA device"), used, there).await?;
    }
    let assumer = Assumer { arn: making.seats[0].place.arn(&format!("user/{name}")), name: name.clone() };
    let mut roles = Vec::new();
    for arn in &wanted.may_assume {
        if let Ok(arn) = RoleArn::parse(arn) {
            roles.push(let_in(making, &arn, &assumer, wanted.mfa).await?);
        }
    }
    if let (Some(key_step), false) = (&key_step, wanted.no_profiles) {
        let profile = wanted.profile.clone().filter(|profile| !profile.as_str().is_empty()).unwrap_or_else(|| ProfileName::new(name.clone()));
        let wanted =
            Wanted { user: profile, key: key_step.clone(), region: wanted.region.clone(), serial: wanted.mfa.then(|| serial.clone()), roles: roles.clone() };
        write_profiles(making, &wanted);
    }
    let Some(key_step) = key_step else { return Ok(()) };
    let by = || By::NewKey { step: key_step.clone() };
    if roles.is_empty() {
        making.prove(Expected::Allowed, ProofCall::Identity { by: by() }, format!("Sign in as {name}"), format!("Signed in as {name}"));
    }
    if wanted.self_service && !wanted.mfa {
        making.warnings.push(format!(
            "{name} may do nothing but enable an MFA device until it signs in with one, so what it may assume is not proven now. With an MFA device (--mfa) it is"
        ));
        return Ok(());
    }
    for role in &roles {
        super::role_trust::prove_assuming(making, &by(), &name, role, wanted.mfa.then_some(serial.as_str()));
    }
    // What a user that was there may do besides is not this setup's to judge.
    if there {
        return Ok(());
    }
    super::role_trust::prove_not_granted(making, &by(), &assumer, &wanted.may_assume, wanted.mfa.then_some(serial.as_str())).await
}

/// The user itself; whether it is there already.
async fn user(making: &mut Making<'_>, wanted: &UserIntent, name: &str, path: &str) -> Result<bool> {
    let thing = Thing::User { name: name.to_owned() };
    let tags = |tags: &[Tag]| (!tags.is_empty()).then(|| tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect::<Value>());
    let boundary = wanted.boundary.as_deref().map(str::trim).filter(|arn| !arn.is_empty());
    let to = state([("Path", Some(path.into())), ("PermissionsBoundary", boundary.map(Value::from)), ("Tags", tags(&wanted.tags))]);
    let under = if path == "/" { String::new() } else { format!(" under {path}") };
    let tagged = wanted.tags.iter().map(|tag| format!("{} = {}", tag.key, tag.value)).collect::<Vec<_>>().join(", ");
    let detail = if tagged.is_empty() { String::new() } else { format!("tagged {tagged}") };
    let title = words(format!("Create the IAM user {name}{under}"), format!("Created the IAM user {name}"), detail);
    let before = making.look(0, &thing).await?;
    let own = making.is_own(0, &thing).await?;
    let there = matches!(before, Ok(Some(_)));
    // What is there is left as it is where the person wants to go on with it, but for what was named.
    let going_on = there && (wanted.existing || own);
    let to = if going_on && !same(&thing, &before, &to) && wanted.existing { before.clone().unwrap_or_default() } else { to };
    let no_boundary = match boundary.filter(|_| !there) {
        Some(arn) => making.look(0, &Thing::Policy { arn: arn.to_owned() }).await? == Ok(None),
        None => false,
    };
    let step = making.add(Some(0), thing, before, to, title);
    if no_boundary {
        step.conflict(
            format!("There is no policy {} to be the boundary", boundary.unwrap_or_default()),
            "Name a managed policy that exists by its ARN, or create it first",
        );
    }
    if there && !going_on {
        step.conflict(
            format!("There is a user {name} already"),
            "Choose another name, or go on with the user that is there (--existing): it keeps its path, tags and boundary",
        );
    } else if step.standing == Standing::Change {
        step.conflict(format!("The user {name} is there with another path, other tags or another boundary"), "Change them in IAM, or choose another name");
    }
    if going_on {
        let path = text(&making.steps[0].before, "Path").unwrap_or_else(|| "/".to_owned());
        making.seats[0].place.lies("user", &path, name);
    }
    Ok(there)
}

async fn member(making: &mut Making<'_>, user: &str, group: &str, there: bool) -> Result<()> {
    let group = super::check::name("group name", group, 128)?;
    let found = making.look(0, &Thing::Group { name: group.clone() }).await?;
    if let Ok(Some(found)) = &found {
        let path = found.get("Path").and_then(Value::as_str).unwrap_or("/").to_owned();
        making.seats[0].place.lies("group", &path, &group);
    }
    let thing = Thing::Member { user: user.to_owned(), group: group.clone() };
    let before = if there { making.look(0, &thing).await? } else { Ok(None) };
    let title = words(format!("Put {user} into the group {group}"), format!("Put {user} into the group {group}"), "");
    let step = making.add(Some(0), thing, before, Some(json!({})), title);
    if found == Ok(None) {
        step.conflict(format!("There is no group {group}"), "Name a group that exists, or create it first: stagedoor setup group");
    }
    Ok(())
}

/// The step of the access key.
async fn access_key(making: &mut Making<'_>, user: &str, there: bool) -> Result<String> {
    let thing = Thing::NewKey { user: user.to_owned() };
    let before: Result<State, ()> = if there { making.look(0, &thing).await? } else { Ok(None) };
    let title = words("Create an access key, straight into the keychain", format!("Created the access key of {user}"), "never shown and never on disk");
    let ids: Vec<String> = before
        .iter()
        .flatten()
        .filter_map(|keys| keys.get("AccessKeyIds")?.as_array().cloned())
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let kept = ids.iter().find(|id| making.ground.kept.iter().any(|kept| kept.as_str() == **id)).cloned();
    let step = making.add(Some(0), thing, before, Some(json!({ "AccessKeyId": "$made" })), title);
    match kept {
        Some(id) => {
            step.standing = Standing::Exists;
            step.to.clone_from(&step.before);
            step.made = json!({ "AccessKeyId": id });
            step.detail = format!("{id} is in the keychain");
        }
        None if ids.len() >= 2 => step.conflict(
            format!("{user} has two access keys already, and AWS allows no more: {}", ids.join(" and ")),
            format!("Delete one that is not used any more, or replace one: stagedoor keys rotate PROFILE --drop {}", ids[0]),
        ),
        None if step.standing == Standing::Change => step.standing = Standing::New,
        None => {}
    }
    Ok(step.id.clone())
}

async fn device(making: &mut Making<'_>, user: &str, serial: &str) -> Result<()> {
    let path = serial.rsplit_once(":mfa").map_or("/", |(_, rest)| rest);
    let path = path.strip_suffix(user).unwrap_or("/");
    let title = words(format!("Create the MFA device {user}"), format!("Created the MFA device {user}"), "its seed goes into the keychain");
    let thing = Thing::Device { serial: serial.to_owned() };
    let before = making.look(0, &thing).await?;
    let owner = Thing::DeviceOf { user: user.to_owned(), serial: serial.to_owned() };
    let owned = making.look(0, &owner).await?;
    let taken = matches!((&before, &owned), (Ok(Some(_)), Ok(None)));
    let kept = making.ground.seeds.iter().any(|kept| kept == serial);
    let in_use = matches!(&owned, Ok(Some(_)));
    let step = making.add(Some(0), thing, before, Some(json!({ "Path": path })), title);
    if taken {
        step.conflict(
            format!("There is an MFA device {serial} already, and nobody has its seed here"),
            "Delete it in IAM (it is not enabled for this user), or choose another user name",
        );
    } else if in_use && !kept {
        step.conflict(
            format!("{user} has the MFA device {serial} already, and its seed is not in the keychain"),
            "Scan its QR code into Stagedoor (stagedoor mfa add), or go on without an MFA device",
        );
    } else if step.standing == Standing::Exists {
        step.made = json!({ "SerialNumber": serial });
    }
    let title = words(format!("Enable it for {user}"), format!("Enabled the MFA device for {user}"), "with two codes in a row, which Stagedoor makes itself");
    making.add(Some(0), owner, owned, Some(json!({})), title);
    Ok(())
}

/// Where a policy lies.
#[derive(Clone, Copy)]
pub(super) enum Home {
    Inline,
    /// As a managed policy; where that has five versions, the oldest goes if the person wants it.
    Managed {
        drop_oldest: bool,
    },
}

impl Home {
    pub(super) const fn of(home: PolicyHome, drop_oldest: bool) -> Self {
        match home {
            PolicyHome::Inline => Self::Inline,
            PolicyHome::Managed => Self::Managed { drop_oldest },
        }
    }
}

/// A policy of the holder: inline, or managed and attached. `used`: what its other inline policies take already.
pub(super) async fn grant(
    making: &mut Making<'_>,
    holder: &PolicyHolder,
    (name, document, home): (&str, &str, Home),
    what: &str,
    used: usize,
    there: bool,
) -> Result<()> {
    let of = super::super::call::name(holder).to_owned();
    match home {
        Home::Inline => {
            let thing = Thing::Inline { holder: holder.clone(), name: name.to_owned() };
            let before = if there { making.look(0, &thing).await? } else { Ok(None) };
            let place = match holder {
                PolicyHolder::User(_) => documents::Place::User { others: used },
                PolicyHolder::Group(_) => documents::Place::Group { others: used },
                PolicyHolder::Role(_) => documents::Place::Role { others: used },
            };
            let checked = documents::check(document, place);
            let title = words(format!("Allow: {what}"), format!("Allowed: {what}"), format!("inline policy {name}"));
            let step = making.add(Some(0), thing, before, Some(json!({ "PolicyDocument": document })), title);
            if let Err(error) = checked {
                step.conflict(error.message, error.hint);
            }
        }
        Home::Managed { drop_oldest } => {
            let arn = making.seats[0].place.arn(&format!("policy/{of}-{name}"));
            managed(making, &arn, document, what, drop_oldest).await?;
            let thing = Thing::Attached { holder: holder.clone(), policy: arn };
            let before = if there { making.look(0, &thing).await? } else { Ok(None) };
            making.add(Some(0), thing, before, Some(json!({})), words(format!("Attach it to {of}"), format!("Attached it to {of}"), ""));
        }
    }
    Ok(())
}

/// A managed policy that says this: a new one, or a new version of the one that has its name already.
async fn managed(making: &mut Making<'_>, arn: &str, document: &str, what: &str, drop_oldest: bool) -> Result<()> {
    let full = last(arn).to_owned();
    let thing = Thing::Policy { arn: arn.to_owned() };
    let before = making.look(0, &thing).await?;
    let said = before.as_ref().ok().and_then(|before| text(before, "PolicyDocument"));
    let is_same = said.as_ref().map(|said| documents::same(said, document));
    if is_same == Some(false) {
        let title = words(
            format!("Write a new version of {full}: {what}"),
            format!("Wrote a new version of the policy {full}"),
            "there is a managed policy of this name already; the new version is the default at once",
        );
        change_policy::new_version(making, arn, document, drop_oldest, title).await?;
        let found = iam::attachments(&making.seats[0], arn).await;
        let others = seen(making, found, "iam:GetPolicy")?.flatten().unwrap_or_default();
        if others > 0 {
            let count = if others == 1 { "once".to_owned() } else { format!("{others} times") };
            making.warnings.push(format!(
                "{full} is attached {count} already: whoever it is attached to may do what the new version says, and no more what the old one says"
            ));
        }
        return Ok(());
    }
    let to = if is_same == Some(true) { before.clone().unwrap_or_default() } else { Some(json!({ "Path": "/", "PolicyDocument": document })) };
    let title = words(format!("Create a policy: {what}"), format!("Created the policy {full}"), format!("managed policy {full}"));
    let checked = documents::check(document, documents::Place::Managed);
    let step = making.add(Some(0), thing, before, to, title);
    if let Err(error) = checked {
        step.conflict(error.message, error.hint);
    }
    Ok(())
}
