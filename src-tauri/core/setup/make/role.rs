//! A role: who may assume it, what it may do, and what those need who use it.
//!
//! A role that no plan of Stagedoor made is left alone unless the person goes on with it; then every change of it is a step with its
//! diff, and whoever the trust policy would no longer name is told.

use serde_json::{Value, json};

use super::{
    Making,
    role_parts::parts,
    role_proofs,
    role_trusted::{Whom, place, seen, whom},
    same, state, words,
};
use crate::{
    error::{Error, Result},
    model::{
        arn::{Partition, RoleArn},
        setup::{PolicyHolder, RoleIntent},
    },
    policy::{Document, Shape, document::Principals},
    setup::{
        call::text,
        documents, iam,
        thing::{State, Thing},
    },
};

/// The role that is wanted.
pub(super) struct Role<'a> {
    pub(super) wanted: &'a RoleIntent,
    pub(super) name: String,
    pub(super) arn: RoleArn,
    pub(super) whom: Whom,
    /// Its trust policy.
    pub(super) trust: String,
    /// Principals of the services that it is for.
    pub(super) services: Vec<String>,
    pub(super) there: bool,
    pub(super) partition: Partition,
}

pub(super) async fn make(making: &mut Making<'_>, wanted: &RoleIntent) -> Result<()> {
    let name = super::check::name("role name", &wanted.name, 64)?;
    let path = super::check::path(wanted.path.as_deref())?;
    super::check::tags(&wanted.tags)?;
    numbers(wanted)?;
    let (account, partition) = place(making);
    making.called(format!("New IAM role {name}"));
    let before = making.look(0, &Thing::Role { name: name.clone() }).await?;
    let now = before.clone().unwrap_or(None);
    making.seats[0].place.lies("role", &text(&now, "Path").unwrap_or_else(|| path.clone()), &name);
    let arn = RoleArn::parse(&making.seats[0].place.arn(&format!("role/{name}")))?;
    let whom = whom(making, wanted, &now).await?;
    let trust = documents::trust(&whom.trusted, &whom.terms, &account, partition)?;
    let services = whom.services(partition)?;
    let role = Role { wanted, name, arn, whom, trust, services, there: now.is_some(), partition };
    warn(making, &role, &now);
    itself(making, &role, before, &path).await?;
    let person = parts(making, &role).await?;
    role_proofs::prove(making, &role, person.as_ref());
    Ok(())
}

/// What AWS takes as lengths and times.
fn numbers(wanted: &RoleIntent) -> Result<()> {
    if let Some(seconds) = wanted.max_session.filter(|seconds| !(3600..=43200).contains(seconds)) {
        return Err(Error::invalid("maximum session duration", &format!("{seconds} seconds"), "1 to 12 hours: 3600 to 43200 seconds"));
    }
    if wanted.mfa_max_age == Some(0) {
        return Err(Error::invalid("age of the MFA sign-in", "0 seconds", "a time in which somebody can use it, such as 3600 seconds"));
    }
    let letters = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
    match wanted.description.as_deref() {
        Some(text) if text.chars().count() > 1000 || !text.chars().all(letters) => {
            Err(Error::invalid("description", text, "up to 1,000 characters of Latin-1: IAM takes no others"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The role as it is made, or as it becomes.
async fn itself(making: &mut Making<'_>, role: &Role<'_>, before: Result<State, ()>, path: &str) -> Result<()> {
    let (wanted, name) = (role.wanted, &role.name);
    let thing = Thing::Role { name: name.clone() };
    let trimmed = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (description, boundary) = (trimmed(&wanted.description), trimmed(&wanted.boundary));
    let tags: Vec<Value> = wanted.tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect();
    let to = state([
        ("Path", Some(path.into())),
        ("AssumeRolePolicyDocument", Some(role.trust.as_str().into())),
        ("Description", description.clone().map(Value::from)),
        ("MaxSessionDuration", Some(wanted.max_session.unwrap_or(3600).into())),
        ("PermissionsBoundary", boundary.clone().map(Value::from)),
        ("Tags", (!tags.is_empty()).then(|| tags.into())),
    ]);
    let own = role.there && making.is_own(0, &thing).await?;
    let going_on = role.there && (wanted.existing || own);
    let other_path = going_on && wanted.path.is_some() && text(&before.clone().unwrap_or(None), "Path").is_some_and(|there| there != path);
    let changes = going_on && !same(&thing, &before, &to);
    let to = if changes { before.clone().unwrap_or_default() } else { to };
    let title = words(format!("Create the role {name}"), format!("Created the role {name}"), told(role));
    let mut problems = role.whom.problems.clone();
    if let Err(error) = documents::check(&role.trust, documents::Place::Trust) {
        problems.push((error.message, error.hint));
    }
    if let Some(arn) = &boundary {
        let found = iam::is_policy(&making.seats[0], arn).await;
        if seen(making, found, "iam:GetPolicy")? == Some(false) {
            problems.push((format!("There is no policy {arn} for the permissions boundary"), "Name a managed policy that exists, by its ARN".to_owned()));
        }
    }
    let step = making.add(Some(0), thing, before.clone(), to, title);
    if role.there && !going_on {
        step.conflict(
            format!("There is a role {name} already"),
            "Choose another name, or go on with the role that is there (--existing): what changes of it is shown",
        );
    } else if other_path {
        step.conflict(format!("The role {name} is there under another path, and a path cannot change"), "Leave the path out, or choose another name");
    } else if let Some((_, hint)) = problems.first() {
        let message: Vec<&str> = problems.iter().map(|(message, _)| message.as_str()).collect();
        step.conflict(message.join(". "), hint);
    }
    if let (true, Ok(Some(now))) = (changes, before) {
        becomes(making, role, &now, description, boundary);
    }
    Ok(())
}

/// The steps that make what is wanted of a role that is there. What was not named stays as it is.
fn becomes(making: &mut Making<'_>, role: &Role<'_>, now: &Value, description: Option<String>, boundary: Option<String>) {
    let name = &role.name;
    let holder = PolicyHolder::Role(name.clone());
    let add = |making: &mut Making<'_>, thing: Thing, before: State, to: State, what: &str| {
        if !thing.same(&before, &to) {
            making.add(Some(0), thing, Ok(before), to, words(format!("Change {what} of {name}"), format!("Changed {what} of {name}"), ""));
        }
    };
    let trust = now.get("AssumeRolePolicyDocument").map(|text| json!({ "PolicyDocument": text }));
    add(making, Thing::Trust { role: name.clone() }, trust, Some(json!({ "PolicyDocument": role.trust })), "the trust policy");
    let (was, lasted) = (now.get("Description").cloned().unwrap_or_else(|| "".into()), now.get("MaxSessionDuration").cloned().unwrap_or_else(|| 3600.into()));
    let becomes = json!({
        "Description": description.map_or_else(|| was.clone(), Value::from),
        "MaxSessionDuration": role.wanted.max_session.map_or_else(|| lasted.clone(), Value::from),
    });
    let settings = json!({ "Description": was, "MaxSessionDuration": lasted });
    add(making, Thing::RoleSettings { role: name.clone() }, Some(settings), Some(becomes), "the description and the maximum session duration");
    if let Some(arn) = boundary {
        let before = now.get("PermissionsBoundary").map(|arn| json!({ "PermissionsBoundary": arn }));
        add(making, Thing::Boundary { holder: holder.clone() }, before, Some(json!({ "PermissionsBoundary": arn })), "the permissions boundary");
    }
    for tag in &role.wanted.tags {
        let tags = now.get("Tags").and_then(Value::as_array);
        let before = tags.into_iter().flatten().find(|it| it.get("Key").and_then(Value::as_str) == Some(&*tag.key));
        let before = before.map(|it| json!({ "Value": it.get("Value") }));
        let thing = Thing::Tag { holder: holder.clone(), key: tag.key.clone() };
        add(making, thing, before, Some(json!({ "Value": tag.value })), &format!("the tag {}", tag.key));
    }
}

/// Who may assume it, in words.
fn told(role: &Role<'_>) -> String {
    let direct = if role.whom.terms.users.is_empty() { "" } else { "; the users that it names need no policy of their own" };
    let mfa = if role.wanted.require_mfa || role.wanted.mfa_max_age.is_some() { ", only with MFA" } else { "" };
    format!("for {}{mfa}{direct}", named(&role.trust).join(", "))
}

/// What speaks against it: one role for two purposes, or somebody who loses it.
fn warn(making: &mut Making<'_>, role: &Role<'_>, now: &State) {
    let name = &role.name;
    let mut services = role.services.clone();
    services.dedup();
    if services.len() > 1 {
        let all = services.join(" and ");
        making.warnings.push(format!("{name} would serve {all}: each gets what the other needs. One role for one purpose: make a role for each"));
    }
    if !services.is_empty() && role.whom.trusted.len() > services.len() {
        making
            .warnings
            .push(format!("{name} would serve {} and others who are no service. One role for one purpose: make a role for each", services.join(" and ")));
    }
    let Some(before) = text(now, "AssumeRolePolicyDocument") else { return };
    let wanted = named(&role.trust);
    let lost: Vec<String> = named(&before).into_iter().filter(|one| !wanted.contains(one)).collect();
    if lost.is_empty() {
        return;
    }
    let other = lost.iter().filter(|one| one.ends_with(".amazonaws.com")).cloned().collect::<Vec<_>>().join(" and ");
    if !other.is_empty() {
        making.warnings.push(format!("{name} serves {other} already. One role for one purpose: make another role, or what uses this one stops working"));
    }
    making.warnings.push(format!("Who may assume {name} now and not after this: {}", lost.join(", ")));
}

/// Whom a trust policy names.
fn named(trust: &str) -> Vec<String> {
    let Ok(document) = Document::parse(trust, Shape::Trust) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for statement in &document.statements {
        if let Principals::In(own) = &statement.principals {
            for it in own {
                if !names.contains(&it.name) {
                    names.push(it.name.clone());
                }
            }
        }
    }
    names
}
