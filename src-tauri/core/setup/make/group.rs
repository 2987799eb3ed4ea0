//! A group whose members may assume roles, in this account or another: the group's policy on one side, the trust policies on the other.
//!
//! A group is no principal: each role's trust policy names the group's account, and the group's policy says that it is these members.

use serde_json::{Value, json};

use super::{
    Making, local_people,
    role_trust::{Assumed, Assumer, let_in, prove_assuming},
    role_trusted::place,
    state,
    user::{Home, grant},
    words,
};
use crate::{
    error::Result,
    model::{
        arn::RoleArn,
        setup::{GroupIntent, PolicyHolder, PolicyHome},
    },
    setup::{
        call::text,
        documents::{self, Passing},
        iam,
        plan::By,
        thing::{State, Thing},
    },
};

/// The policy by which the members assume roles.
const MAY_ASSUME: &str = "AssumeRoles";

pub(super) async fn make(making: &mut Making<'_>, wanted: &GroupIntent) -> Result<()> {
    let name = super::check::name("group name", &wanted.name, 128)?;
    documents::check_roles(&wanted.may_assume, wanted.wildcard)?;
    making.warnings.extend(documents::wildcards(&wanted.may_assume));
    making.called(format!("Group access for {name}"));
    let there = group(making, &name).await?;
    let mut members = Vec::new();
    for member in &wanted.members {
        members.push(join(making, &name, member, there).await?);
    }
    policy(making, wanted, &name, there).await?;
    let (account, partition) = place(making);
    let assumer = Assumer { arn: format!("arn:{}:iam::{account}:root", partition.id()), name: format!("the account {account}") };
    let mut roles = Vec::new();
    for arn in &wanted.may_assume {
        if let Ok(arn) = RoleArn::parse(arn) {
            roles.push(let_in(making, &arn, &assumer, wanted.require_mfa).await?);
        }
    }
    if there {
        members.extend(iam::members(&making.seats[0], &name).await.unwrap_or_default());
    }
    prove(making, wanted, &members, &roles).await
}

async fn group(making: &mut Making<'_>, name: &str) -> Result<bool> {
    let thing = Thing::Group { name: name.to_owned() };
    let before = making.look(0, &thing).await?;
    let there = !matches!(before, Ok(None));
    let path = before.clone().unwrap_or(None).and_then(|found| text(&Some(found), "Path")).unwrap_or_else(|| "/".to_owned());
    making.seats[0].place.lies("group", &path, name);
    let title = words(format!("Create the group {name}"), format!("Created the group {name}"), "");
    making.add(Some(0), thing, before, state([("Path", Some(path.into()))]), title);
    Ok(there)
}

/// A user becomes a member.
async fn join(making: &mut Making<'_>, group: &str, user: &str, there: bool) -> Result<String> {
    let user = super::check::name("user name", user, 64)?;
    let found = making.look(0, &Thing::User { name: user.clone() }).await?;
    if let Ok(Some(found)) = &found {
        let path = found.get("Path").and_then(Value::as_str).unwrap_or("/").to_owned();
        making.seats[0].place.lies("user", &path, &user);
    }
    let thing = Thing::Member { user: user.clone(), group: group.to_owned() };
    let before: Result<State, ()> = if there && found != Ok(None) { making.look(0, &thing).await? } else { Ok(None) };
    let title = words(format!("Put {user} into the group {group}"), format!("Put {user} into the group {group}"), "");
    let step = making.add(Some(0), thing, before, Some(json!({})), title);
    if found == Ok(None) {
        step.conflict(format!("There is no user {user}"), "Name a user that exists, or create it first: stagedoor setup user");
    }
    Ok(user)
}

/// The group's policy: a new one, or the one that it has with these roles, too.
async fn policy(making: &mut Making<'_>, wanted: &GroupIntent, name: &str, there: bool) -> Result<()> {
    let holder = PolicyHolder::Group(name.to_owned());
    let written = |roles: &[String]| documents::assume_roles(roles, wanted.require_mfa, Passing::default());
    let thing = match wanted.policy_home {
        PolicyHome::Inline => Thing::Inline { holder: holder.clone(), name: MAY_ASSUME.to_owned() },
        PolicyHome::Managed => Thing::Policy { arn: making.seats[0].place.arn(&format!("policy/{name}-{MAY_ASSUME}")) },
    };
    let found = if there { making.look(0, &thing).await?.unwrap_or(None) } else { None };
    let before = text(&found, "PolicyDocument");
    let merged = before.as_deref().and_then(|before| {
        let mut roles = ours(before, wanted.require_mfa)?;
        for role in &wanted.may_assume {
            if !roles.iter().any(|own| own == role.trim()) {
                roles.push(role.trim().to_owned());
            }
        }
        Some(written(&roles))
    });
    let is_other = before.is_some() && merged.is_none();
    let document = merged.unwrap_or_else(|| written(&wanted.may_assume));
    let count = match wanted.may_assume.len() {
        1 => "1 role".to_owned(),
        many => format!("{many} roles"),
    };
    let with = if wanted.require_mfa { ", only with MFA" } else { "" };
    let may = format!("the members of {name} may assume {count}{with}");
    grant(making, &holder, (MAY_ASSUME, &document, Home::of(wanted.policy_home, wanted.drop_oldest)), &may, 0, there).await?;
    let step = making.steps.iter_mut().find(|step| step.thing == thing);
    if let (true, PolicyHome::Inline, Some(step)) = (is_other, wanted.policy_home, step) {
        step.conflict(
            format!("The group {name} has a policy {MAY_ASSUME} already, which says something else"),
            "Rename or remove that policy, or choose a managed policy for this (--managed)",
        );
    }
    Ok(())
}

/// The roles of a policy that this product wrote; `None` where it says more, or something else.
fn ours(text: &str, mfa: bool) -> Option<Vec<String>> {
    let policy: Value = serde_json::from_str(text).ok()?;
    let statement = policy.get("Statement")?;
    let statement = statement.get(0).unwrap_or(statement);
    let roles = match statement.get("Resource")? {
        Value::String(role) => vec![role.clone()],
        Value::Array(roles) => roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    documents::same(text, &documents::assume_roles(&roles, mfa, Passing::default())).then_some(roles)
}

/// By a member with a key on this computer. What else members may assume is not this plan's to judge.
async fn prove(making: &mut Making<'_>, wanted: &GroupIntent, members: &[String], roles: &[Assumed]) -> Result<()> {
    let mfa = roles.iter().any(|role| role.mfa);
    let Some(person) = local_people::first(making, members, mfa).await? else {
        making.warnings.push(format!(
            "That members of {} may assume this cannot be proven from here: no profile on this computer has a key of one of them",
            wanted.name.trim()
        ));
        return Ok(());
    };
    let by = By::Profile { profile: person.profile.clone() };
    for role in roles {
        if role.mfa && person.serial.is_none() {
            making.warnings.push(format!(
                "That {} may assume {} cannot be proven from here: it needs MFA, and the seed of no MFA device of {} is in the keychain",
                person.name,
                role.arn.role_name(),
                person.name
            ));
            continue;
        }
        prove_assuming(making, &by, &person.name, role, person.serial.as_deref().filter(|_| role.mfa));
    }
    Ok(())
}
