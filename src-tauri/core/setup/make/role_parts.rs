//! What belongs to a role besides itself: permissions, the instance profile, policies of groups and of the deployer, a profile here.
//!
//! And the notes for those whom this plan cannot reach: a third party, another account, whoever hands the role to a service.

use serde_json::{Value, json};

use super::{
    Making,
    local_people::{self, Person},
    profiles,
    role::Role,
    role_trusted::seen,
    user::{Home, grant},
    words,
};
use crate::{
    error::Result,
    model::{
        profile::ProfileName,
        setup::{PolicyHolder, RolePermission, SetupNote, Standing},
    },
    setup::{
        call,
        documents::{self, Passing},
        iam,
        thing::Thing,
    },
};

/// The steps and notes; and somebody with a key on this computer whom the role trusts, by name or as a member of a group.
pub(super) async fn parts(making: &mut Making<'_>, role: &Role<'_>) -> Result<Option<Person>> {
    permissions(making, role).await?;
    if role.services.iter().any(|service| service.starts_with("ec2.")) {
        instance_profile(making, role).await?;
    }
    groups(making, role).await?;
    deployer(making, role).await?;
    let mfa = needs_mfa(role);
    let mut names = role.whom.users();
    for group in role.whom.groups() {
        names.extend(iam::members(&making.seats[0], &group).await.unwrap_or_default());
    }
    let first = local_people::first(making, &names, mfa).await?;
    profile(making, role, first.as_ref());
    notes(making, role);
    Ok(first)
}

/// Whether people need MFA for it.
pub(super) const fn needs_mfa(role: &Role<'_>) -> bool {
    role.wanted.require_mfa || role.wanted.mfa_max_age.is_some()
}

async fn permissions(making: &mut Making<'_>, role: &Role<'_>) -> Result<()> {
    let holder = PolicyHolder::Role(role.name.clone());
    let mut used = 0;
    for permission in &role.wanted.permissions {
        match permission {
            RolePermission::Managed { arn } => {
                let arn = arn.trim().to_owned();
                let found = iam::is_policy(&making.seats[0], &arn).await;
                let found = seen(making, found, "iam:GetPolicy")?;
                let thing = Thing::Attached { holder: holder.clone(), policy: arn.clone() };
                let before = if role.there { making.look(0, &thing).await? } else { Ok(None) };
                let policy = call::last(&arn).to_owned();
                let title = words(format!("Attach {policy} to {}", role.name), format!("Attached {policy} to {}", role.name), "managed policy");
                let step = making.add(Some(0), thing, before, Some(json!({})), title);
                if found == Some(false) {
                    step.conflict(format!("There is no policy {arn}"), "Name a managed policy that exists, by its ARN");
                }
            }
            RolePermission::Document { name, text } => {
                let name = super::check::name("policy name", name, 128)?;
                let may = format!("{} may do what {name} says", role.name);
                grant(making, &holder, (&name, text, Home::Inline), &may, used, role.there).await?;
                used += documents::check::size(text);
            }
            RolePermission::Bucket { bucket } => {
                let bucket = bucket.trim();
                let text = documents::bucket(bucket, role.partition)?;
                let may = format!("{} may read and write in the bucket {bucket}", role.name);
                grant(making, &holder, (&format!("ReadWrite-{bucket}"), &text, Home::Inline), &may, used, role.there).await?;
                used += documents::check::size(&text);
            }
        }
    }
    Ok(())
}

/// EC2 takes a role only out of an instance profile; the console gives it the role's name, too. It holds one role.
async fn instance_profile(making: &mut Making<'_>, role: &Role<'_>) -> Result<()> {
    let name = match role.wanted.instance_profile.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => super::check::name("instance profile name", name, 128)?,
        None => role.name.clone(),
    };
    let thing = Thing::InstanceProfile { name: name.clone() };
    let before = making.look(0, &thing).await?;
    let path = before.as_ref().ok().and_then(|before| call::text(before, "Path")).unwrap_or_else(|| "/".to_owned());
    making.seats[0].place.lies("instance-profile", &path, &name);
    let to = before.clone().unwrap_or(None).unwrap_or_else(|| json!({ "Path": "/" }));
    let title = words(format!("Create the instance profile {name}"), format!("Created the instance profile {name}"), "through which EC2 gets the role");
    making.add(Some(0), thing, before.clone(), Some(to), title);
    let holds = match &before {
        Ok(Some(_)) => {
            let found = iam::role_in(&making.seats[0], &name).await;
            seen(making, found, "iam:GetInstanceProfile")?.flatten()
        }
        _ => None,
    };
    let thing = Thing::InstanceRole { profile: name.clone(), role: role.name.clone() };
    let before = if before == Ok(None) { Ok(None) } else { making.look(0, &thing).await? };
    let title = words("Put the role into it".to_owned(), format!("Put {} into its instance profile", role.name), "");
    let step = making.add(Some(0), thing, before, Some(json!({})), title);
    if let Some(other) = holds.filter(|other| *other != role.name) {
        step.conflict(
            format!("The instance profile {name} holds the role {other} already, and it can hold only one"),
            format!("Name another instance profile (--instance-profile), or take {other} out of this one in IAM, if no instance uses it any more"),
        );
    }
    Ok(())
}

/// A group is no principal: the role trusts the account, and the group's own policy says who.
async fn groups(making: &mut Making<'_>, role: &Role<'_>) -> Result<()> {
    let passing = Passing { tags: !role.wanted.session_tags.is_empty(), source_identity: role.wanted.source_identity };
    let text = documents::assume_roles(&[role.arn.as_str().to_owned()], needs_mfa(role), passing);
    for group in role.whom.groups() {
        let missing = role.whom.problems.iter().any(|(message, _)| *message == format!("There is no group {group}"));
        let holder = PolicyHolder::Group(group.clone());
        let policy = format!("AssumeRole-{}", role.name);
        let may = format!("the members of {group} may assume {}", role.name);
        grant(making, &holder, (&policy, &text, Home::Inline), &may, 0, !missing).await?;
    }
    Ok(())
}

/// Whoever hands the role to a service needs to be allowed to.
async fn deployer(making: &mut Making<'_>, role: &Role<'_>) -> Result<()> {
    for (at, service) in role.services.iter().enumerate() {
        let text = documents::pass_role(&role.arn, service)?;
        let short = service.split('.').next().unwrap_or_default();
        let Some(holder) = &role.wanted.deployer else {
            making.notes.push(SetupNote {
                title: format!("For whoever hands {} to {short}", role.name),
                text: format!("Who gives the role to {service} needs this statement, and can use no other role with it:\n\n{text}"),
            });
            continue;
        };
        let thing = match holder.clone() {
            PolicyHolder::User(name) => Thing::User { name },
            PolicyHolder::Group(name) => Thing::Group { name },
            PolicyHolder::Role(name) => Thing::Role { name },
        };
        let (kind, who) = (call::kind(holder), call::name(holder).to_owned());
        let found = making.look(0, &thing).await?;
        let there = !matches!(found, Ok(None));
        if let Ok(Some(found)) = &found {
            let path = found.get("Path").and_then(Value::as_str).unwrap_or("/").to_owned();
            making.seats[0].place.lies(&kind.to_lowercase(), &path, &who);
        }
        let policy = if at == 0 { format!("PassRole-{}", role.name) } else { format!("PassRole-{}-{short}", role.name) };
        grant(making, holder, (&policy, &text, Home::Inline), &format!("{who} may hand {} to {short}", role.name), 0, there).await?;
        if let (false, Some(step)) = (there, making.steps.last_mut()) {
            step.conflict(
                format!("There is no {} {who}", kind.to_lowercase()),
                "Name a deployer that exists, or leave it out: the statement is in a note then",
            );
        }
    }
    Ok(())
}

/// The profile on this computer that assumes the role.
fn profile(making: &mut Making<'_>, role: &Role<'_>, person: Option<&Person>) {
    let Some(name) = role.wanted.profile.clone().filter(|name| !name.as_str().trim().is_empty()) else { return };
    let given = role.wanted.source_profile.clone().filter(|name| !name.as_str().trim().is_empty());
    let source = given.clone().or_else(|| person.map(|person| person.profile.clone()));
    let files = making.ground.files;
    let source_is_there = source.as_ref().is_some_and(|source| files.profile(source).is_some());
    let mut properties: Vec<(String, Value)> = vec![("role_arn".to_owned(), role.arn.as_str().into())];
    properties.extend(source.as_ref().map(|source| ("source_profile".to_owned(), source.as_str().into())));
    let of_source = source.as_ref().and_then(|source| files.profile(source)?.get("mfa_serial").map(str::to_owned));
    let serial = of_source.or_else(|| person.filter(|person| Some(&person.profile) == source.as_ref())?.serial.clone()).filter(|_| needs_mfa(role));
    properties.extend(serial.map(|serial| ("mfa_serial".to_owned(), serial.into())));
    let by_account = role.whom.terms.users.is_empty() && role.whom.groups().is_empty();
    let external_id = role.whom.terms.external_id.as_ref().filter(|_| by_account);
    properties.extend(external_id.map(|id| ("external_id".to_owned(), id.as_str().into())));
    properties.extend(profiles::common(files, &making.seats[0].profile, None));
    let one = json!({ "Name": name.as_str(), "Properties": Value::Object(properties.into_iter().collect()), "Connected": true });
    let all = vec![one];
    let before = profiles::written(files, &all);
    let is_taken = before.is_some();
    let title = words(format!("Write the profile {name}"), format!("Wrote the profile {name}"), "into ~/.aws/config, handed out by Stagedoor");
    let step = making.add(None, Thing::Profiles { names: vec![name.as_str().to_owned()] }, Ok(before), Some(json!({ "Profiles": all })), title);
    if !source_is_there {
        let message = given.map_or_else(
            || "No profile on this computer has a key of somebody whom the role trusts".to_owned(),
            |source: ProfileName| format!("There is no profile {source}"),
        );
        step.conflict(message, "Name the profile whose credentials assume the role (--source-profile), or leave the profile out");
    } else if is_taken && step.standing != Standing::Exists {
        step.conflict(format!("There is a profile {name} already, and it is another one"), "Choose another name, or rename the one in ~/.aws/config");
    }
}

/// What others have to be told.
fn notes(making: &mut Making<'_>, role: &Role<'_>) {
    let account = making.seats[0].place.account_id.clone();
    let third = role.whom.third_parties();
    let external_id = role.whom.terms.external_id.as_ref().map(|id| id.as_str().to_owned());
    let with_id = external_id.as_ref().map(|id| format!("\nExternal ID: {id}")).unwrap_or_default();
    for party in &third {
        making.notes.push(SetupNote {
            title: "For the third party".to_owned(),
            text: format!(
                "You may assume this role from your account {party}. Pass the external ID with every AssumeRole call; without it the call is refused.\n\nRole ARN: {}\nAccount: {account}{with_id}",
                role.arn
            ),
        });
    }
    let own: Vec<String> = role.whom.accounts().filter(|id| !third.iter().any(|party| party == id)).map(str::to_owned).collect();
    let passing = Passing { tags: !role.wanted.session_tags.is_empty(), source_identity: role.wanted.source_identity };
    for id in own {
        let policy = documents::assume_roles(&[role.arn.as_str().to_owned()], needs_mfa(role), passing);
        let with_id = if third.is_empty() { with_id.as_str() } else { "" };
        making.notes.push(SetupNote {
            title: format!("For the account {id}"),
            text: format!(
                "The role lets the account {id} in; who of it may assume the role, a policy over there says:\n\n{policy}\n\nRole ARN: {}{with_id}",
                role.arn
            ),
        });
    }
}
