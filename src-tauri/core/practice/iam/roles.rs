//! Roles: create, show, list, change, delete; their trust policies, tags and boundaries.
//!
//! A role is made with its trust policy; `trust` says how that is kept. Not here: assuming one, which is STS.

use super::{
    BOUNDARY, DESCRIPTION, DOCUMENT, MARKER, MAX_ITEMS, NEW_TAGS, OLD_TAGS, PATH, POLICY_ARN, PREFIX, ROLE, TAGS, boundary_xml, encoded, listed, made,
    modifiable, new_entity, owned_mut, page, role, tags, trust, under,
    users::{drop_boundary, set_boundary},
};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Rule, optional, required},
        state::{Owner, Role},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

const MAX_SESSION: Rule = Rule::Number { min: 3600, max: 43200 };

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreateRole",
        |call| Ok(made(call, "role", "RoleName")),
        &[
            ROLE,
            required("AssumeRolePolicyDocument", DOCUMENT),
            optional("Path", PATH),
            optional("Description", DESCRIPTION),
            optional("MaxSessionDuration", MAX_SESSION),
            BOUNDARY,
            TAGS,
        ],
        create,
    ),
    iam("GetRole", role, &[ROLE], get),
    iam("ListRoles", |call| Ok(listed(call, "role")), &[PREFIX, MARKER, MAX_ITEMS], list),
    iam("UpdateRole", role, &[ROLE, optional("Description", DESCRIPTION), optional("MaxSessionDuration", MAX_SESSION)], update),
    iam("UpdateRoleDescription", role, &[ROLE, required("Description", DESCRIPTION)], describe),
    iam("UpdateAssumeRolePolicy", role, &[ROLE, required("PolicyDocument", DOCUMENT)], update_trust),
    iam("DeleteRole", role, &[ROLE], delete),
    iam("TagRole", role, &[ROLE, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagRole", role, &[ROLE, OLD_TAGS], |call| tags::remove(call, tagged)),
    iam("ListRoleTags", role, &[ROLE, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
    iam("PutRolePermissionsBoundary", role, &[ROLE, required("PermissionsBoundary", POLICY_ARN)], |call| set_boundary(call, Owner::Role)),
    iam("DeleteRolePermissionsBoundary", role, &[ROLE], |call| drop_boundary(call, Owner::Role)),
];

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    Ok(&mut owned_mut(call, Owner::Role)?.tags)
}

/// With boundary, tags and last use, or as lists have it.
pub(super) fn xml(call: &Exchange<'_>, role: &Role, whole: bool) -> Xml {
    let entity = &role.entity;
    let mut xml = Xml::new()
        .text("Path", &entity.path)
        .text("RoleName", &entity.name)
        .text("RoleId", &entity.id)
        .text("Arn", &entity.arn)
        .text("CreateDate", time_text(entity.created))
        .text("AssumeRolePolicyDocument", encoded(&trust::shown(call.state, &role.trust)))
        .maybe("Description", role.description.as_ref())
        .text("MaxSessionDuration", role.max_session.to_string());
    if whole {
        let last = role.last_used.as_ref().map_or(Xml::new(), |last| Xml::new().text("LastUsedDate", time_text(last.at)).text("Region", &last.region));
        xml = xml.join(boundary_xml(entity)).join(tags::xml(&entity.tags)).element("RoleLastUsed", last);
    }
    xml
}

fn found<'a>(call: &'a Exchange<'_>) -> Outcome<&'a Role> {
    let name = call.params.text("RoleName");
    call.account()?.roles.get(name).ok_or_else(|| Fault::no_such("role", name))
}

fn found_mut<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Role> {
    let name = call.params.text("RoleName");
    call.account_mut()?.roles.get_mut(name).ok_or_else(|| Fault::no_such("role", name))
}

fn max_session(call: &Exchange<'_>) -> Option<u32> {
    call.params.get("MaxSessionDuration").and_then(|text| text.parse().ok())
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let trust = trust::parse(call.state, call.params.text("AssumeRolePolicyDocument"))?;
    let entity = new_entity(call, Owner::Role, "AROA")?;
    let description = call.params.get("Description").map(str::to_owned);
    let role = Role { entity, description, max_session: max_session(call).unwrap_or(3600), trust, last_used: None };
    let answer = Xml::new().element("Role", xml(call, &role, true));
    call.account_mut()?.roles.insert(role.entity.name.clone(), role);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    Ok(Xml::new().element("Role", xml(call, found(call)?, true)))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let roles = call.account()?.roles.values().filter(|role| under(&role.entity.path, call));
    page(call, "Roles", roles.map(|role| (role.entity.name.as_str(), role)), |role| xml(call, role, false))
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (description, max_session) = (call.params.get("Description").map(str::to_owned), max_session(call));
    // The description of a service's role is the one thing that people may change.
    if max_session.is_some() {
        modifiable(&found(call)?.entity)?;
    }
    let role = found_mut(call)?;
    // AWS takes what is left out back to where a new role begins.
    role.max_session = max_session.unwrap_or(3600);
    if description.is_some() {
        role.description = description;
    }
    // Its result is empty, and yet it must be there.
    Ok(Xml::bare(" "))
}

fn describe(call: &mut Exchange<'_>) -> Outcome<Xml> {
    found_mut(call)?.description = call.params.get("Description").map(str::to_owned);
    Ok(Xml::new().element("Role", xml(call, found(call)?, true)))
}

fn update_trust(call: &mut Exchange<'_>) -> Outcome<Xml> {
    modifiable(&found(call)?.entity)?;
    let trust = trust::parse(call.state, call.params.text("PolicyDocument"))?;
    found_mut(call)?.trust = trust;
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let entity = &found(call)?.entity;
    modifiable(entity)?;
    let profiles = &call.account()?.profiles;
    let conflict = if profiles.values().any(|profile| profile.role.as_ref() == Some(&entity.name)) {
        Some("must remove roles from instance profile first.")
    } else if !entity.attached.is_empty() {
        Some("must detach all policies first.")
    } else if !entity.inline.is_empty() {
        Some("must delete policies first.")
    } else {
        None
    };
    if let Some(conflict) = conflict {
        return Err(Fault::new("DeleteConflict", format!("Cannot delete entity, {conflict}")));
    }
    let name = entity.name.clone();
    call.account_mut()?.roles.remove(&name);
    Ok(Xml::new())
}
