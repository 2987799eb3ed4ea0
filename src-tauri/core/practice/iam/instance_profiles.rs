//! Instance profiles: what hands a role to an EC2 instance, one role each.
//!
//! Whoever puts a role into one passes it to EC2, and needs `iam:PassRole` on it. A role in a profile cannot be deleted.

use super::{MARKER, MAX_ITEMS, NAME, NEW_TAGS, OLD_TAGS, PATH, PREFIX, ROLE, TAGS, Targeted, listed, made, modifiable, page, role, roles, tags, under};
use crate::{
    model::params::SessionTag,
    practice::{
        authorize::{Guard, Question},
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Field, optional, required},
        state::{InstanceProfile, Owner},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

const PROFILE: Field = required("InstanceProfileName", NAME);

pub(super) static ACTIONS: &[Action] = &[
    iam("CreateInstanceProfile", |call| Ok(made(call, "instance-profile", "InstanceProfileName")), &[PROFILE, optional("Path", PATH), TAGS], create),
    iam("GetInstanceProfile", target, &[PROFILE], get),
    iam("ListInstanceProfiles", |call| Ok(listed(call, "instance-profile")), &[PREFIX, MARKER, MAX_ITEMS], list),
    iam("ListInstanceProfilesForRole", role, &[ROLE, MARKER, MAX_ITEMS], of_role),
    iam("AddRoleToInstanceProfile", target, &[PROFILE, ROLE], add),
    iam("RemoveRoleFromInstanceProfile", target, &[PROFILE, ROLE], remove),
    iam("DeleteInstanceProfile", target, &[PROFILE], delete),
    iam("TagInstanceProfile", target, &[PROFILE, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagInstanceProfile", target, &[PROFILE, OLD_TAGS], |call| tags::remove(call, tagged)),
    iam("ListInstanceProfileTags", target, &[PROFILE, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
];

fn target(call: &Exchange<'_>) -> Targeted {
    let (account, name) = (call.account()?, call.params.text("InstanceProfileName"));
    Ok(match account.profiles.get(name) {
        Some(profile) => (profile.arn.clone(), profile.tags.clone()),
        None => (format!("arn:aws:iam::{}:instance-profile/{name}", account.id), Vec::new()),
    })
}

fn no_such(name: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("Instance Profile {name} cannot be found."))
}

fn found<'a>(call: &'a Exchange<'_>) -> Outcome<&'a InstanceProfile> {
    let name = call.params.text("InstanceProfileName");
    call.account()?.profiles.get(name).ok_or_else(|| no_such(name))
}

fn found_mut<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut InstanceProfile> {
    let name = call.params.text("InstanceProfileName");
    call.account_mut()?.profiles.get_mut(name).ok_or_else(|| no_such(name))
}

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    found_mut(call).map(|profile| &mut profile.tags)
}

/// With tags, or as lists have it.
pub(super) fn xml(call: &Exchange<'_>, profile: &InstanceProfile, whole: bool) -> Xml {
    let account = call.account().ok();
    let role = profile.role.as_ref().and_then(|name| account?.roles.get(name));
    let xml = Xml::new()
        .text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", &profile.arn)
        .text("CreateDate", time_text(profile.created))
        .list("Roles", role.map(|role| roles::xml(call, role, false)));
    if whole { xml.join(tags::xml(&profile.tags)) } else { xml }
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("InstanceProfileName").to_owned();
    let tags = tags::checked(call.params)?;
    if call.account()?.profiles.is_taken(&name) {
        return Err(Fault::new("EntityAlreadyExists", format!("Instance Profile {name} already exists.")));
    }
    if call.account()?.profiles.len() >= 1000 {
        return Err(Fault::limit("Cannot exceed quota for InstanceProfilesPerAccount: 1000"));
    }
    let (arn, _) = made(call, "instance-profile", "InstanceProfileName");
    let path = call.params.get("Path").unwrap_or("/").to_owned();
    let id = call.state.draw.unique_id("AIPA");
    let profile = InstanceProfile { name: name.clone(), path, id, arn, created: call.now, role: None, tags };
    let answer = Xml::new().element("InstanceProfile", xml(call, &profile, true));
    call.account_mut()?.profiles.insert(name, profile);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    Ok(Xml::new().element("InstanceProfile", xml(call, found(call)?, true)))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let profiles = call.account()?.profiles.values().filter(|profile| under(&profile.path, call));
    page(call, "InstanceProfiles", profiles.map(|profile| (profile.name.as_str(), profile)), |profile| xml(call, profile, false))
}

fn of_role(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = existing_role(call)?;
    let profiles = call.account()?.profiles.values().filter(|profile| profile.role.as_ref() == Some(&name));
    page(call, "InstanceProfiles", profiles.map(|profile| (profile.name.as_str(), profile)), |profile| xml(call, profile, false))
}

fn existing_role(call: &Exchange<'_>) -> Outcome<String> {
    let name = call.params.text("RoleName");
    call.account()?.roles.get(name).map(|role| role.entity.name.clone()).ok_or_else(|| Fault::no_such("role", name))
}

/// Whoever hands a role to a service needs a permission for that, on the role.
fn pass_role(call: &Exchange<'_>, service: &str) -> Outcome<()> {
    let (resource, tags) = super::owner_target(call, Owner::Role, call.params.text("RoleName"))?;
    let mut context = call.context()?;
    context.set("iam:PassedToService", service);
    for tag in tags {
        context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
        context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value);
    }
    call.ask(&Question { principal: &call.principal, action: "iam:PassRole", resource: &resource, context: &context, guard: Guard::Nothing })
}

fn add(call: &mut Exchange<'_>) -> Outcome<Xml> {
    pass_role(call, "ec2.amazonaws.com")?;
    let profile = found(call)?;
    let role = existing_role(call)?;
    if profile.role.is_some() {
        return Err(Fault::limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    modifiable(super::entities::owned(call, Owner::Role)?)?;
    found_mut(call)?.role = Some(role);
    Ok(Xml::new())
}

fn remove(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let profile = found(call)?;
    let role = existing_role(call)?;
    if profile.role.as_ref() != Some(&role) {
        return Err(Fault::no_such("role", &role));
    }
    modifiable(super::entities::owned(call, Owner::Role)?)?;
    found_mut(call)?.role = None;
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let profile = found(call)?;
    if profile.role.is_some() {
        return Err(Fault::new("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."));
    }
    let name = profile.name.clone();
    call.account_mut()?.profiles.remove(&name);
    Ok(Xml::new())
}
