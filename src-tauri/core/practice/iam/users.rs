//! Users: create, show, list, rename, delete; tags and boundary.
//!
//! A rename keeps the unique ID, so keys, groups, MFA devices and trust policies go along. A user that still has something
//! cannot be deleted.

use super::{
    BOUNDARY, MARKER, MAX_ITEMS, NEW_TAGS, OLD_TAGS, OWN_USER, PATH, POLICY_ARN, PREFIX, SHORT_USER, TAGS, USER, USER_NAME, boundary_exists, boundary_xml,
    changed, listed, made, new_entity, owned_mut, page, tags, under, user,
};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{optional, required},
        state::{Account, Owner, User},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    iam("CreateUser", |call| Ok(made(call, "user", "UserName")), &[required("UserName", USER_NAME), optional("Path", PATH), BOUNDARY, TAGS], create),
    iam("GetUser", user, &[OWN_USER], get),
    iam("ListUsers", |call| Ok(listed(call, "user")), &[PREFIX, MARKER, MAX_ITEMS], list),
    iam("UpdateUser", user, &[USER, optional("NewUserName", USER_NAME), optional("NewPath", PATH)], update),
    iam("DeleteUser", user, &[USER], delete),
    iam("TagUser", user, &[USER, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagUser", user, &[USER, OLD_TAGS], |call| tags::remove(call, tagged)),
    iam("ListUserTags", user, &[USER, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
    iam("PutUserPermissionsBoundary", user, &[SHORT_USER, required("PermissionsBoundary", POLICY_ARN)], |call| set_boundary(call, Owner::User)),
    iam("DeleteUserPermissionsBoundary", user, &[SHORT_USER], |call| drop_boundary(call, Owner::User)),
];

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    Ok(&mut owned_mut(call, Owner::User)?.tags)
}

/// With boundary and tags, or as lists have it.
pub(super) fn xml(user: &User, whole: bool) -> Xml {
    let entity = &user.entity;
    let mut xml = Xml::new()
        .text("Path", &entity.path)
        .text("UserName", &entity.name)
        .text("UserId", &entity.id)
        .text("Arn", &entity.arn)
        .text("CreateDate", time_text(entity.created));
    if whole {
        xml = xml.join(boundary_xml(entity)).join(tags::xml(&entity.tags));
    }
    xml
}

/// Root, where an answer has a user.
pub(super) fn root(account: &Account) -> Xml {
    Xml::new()
        .text("Path", "/")
        .text("UserName", account.alias.as_ref().unwrap_or(&account.id))
        .text("UserId", &account.id)
        .text("Arn", account.root_arn())
        .text("CreateDate", time_text(account.created))
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let entity = new_entity(call, Owner::User, "AIDA")?;
    let user = User { entity, keys: Vec::new(), login: None };
    let answer = Xml::new().element("User", xml(&user, true));
    call.account_mut()?.users.insert(user.entity.name.clone(), user);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let inside = match call.user_or_self()? {
        Some(name) => xml(account.users.get(&name).ok_or_else(|| Fault::no_such("user", &name))?, true),
        None => root(account),
    };
    Ok(Xml::new().element("User", inside))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let users = call.account()?.users.values().filter(|user| under(&user.entity.path, call));
    page(call, "Users", users.map(|user| (user.entity.name.as_str(), user)), |user| xml(user, false))
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("UserName");
    let new_name = call.params.get("NewUserName").unwrap_or(name).to_owned();
    let id = call.principal.account.clone();
    let path = call.params.get("NewPath");
    let account = call.state.accounts.get_mut(&id).ok_or_else(crate::practice::authenticate::invalid_token)?;
    if !account.users.contains_key(name) {
        return Err(Fault::no_such("user", name));
    }
    if account.users.is_taken_by_another(name, &new_name) {
        return Err(Fault::exists("User", &new_name));
    }
    let Some(mut user) = account.users.remove(name) else { return Err(Fault::no_such("user", name)) };
    if let Some(path) = path {
        path.clone_into(&mut user.entity.path);
    }
    user.entity.arn = format!("arn:aws:iam::{id}:user{}{new_name}", user.entity.path);
    user.entity.name.clone_from(&new_name);
    for key in &user.keys {
        call.state.owners.insert(key.id.clone(), (id.clone(), Some(new_name.clone())));
    }
    for group in account.groups.values_mut() {
        if group.members.remove(name) {
            group.members.insert(new_name.clone());
        }
    }
    for owner in account.devices.values_mut().filter_map(|device| device.owner.as_mut()) {
        if owner.user.as_deref() == Some(name) {
            owner.user = Some(new_name.clone());
        }
    }
    account.users.insert(new_name, user);
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("UserName");
    let account = call.account_mut()?;
    let user = account.users.get(name).ok_or_else(|| Fault::no_such("user", name))?;
    let conflict = if !user.entity.attached.is_empty() {
        Some("must detach all policies first.")
    } else if !user.entity.inline.is_empty() {
        Some("must delete policies first.")
    } else if user.login.is_some() {
        Some("must delete login profile first.")
    } else if !user.keys.is_empty() {
        Some("must delete access keys first.")
    } else if account.devices.values().any(|device| device.owner.as_ref().is_some_and(|owner| owner.user.as_deref() == Some(name))) {
        Some("must delete MFA device first.")
    } else if account.groups_of(name).next().is_some() {
        Some("must remove users from group first.")
    } else {
        None
    };
    if let Some(conflict) = conflict {
        return Err(Fault::new("DeleteConflict", format!("Cannot delete entity, {conflict}")));
    }
    account.users.remove(name);
    Ok(Xml::new())
}

pub(super) fn set_boundary(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let arn = call.params.text("PermissionsBoundary").to_owned();
    boundary_exists(call, &arn)?;
    changed(call, owner)?.boundary = Some(arn);
    Ok(Xml::new())
}

pub(super) fn drop_boundary(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let entity = changed(call, owner)?;
    if entity.boundary.take().is_none() {
        return Err(Fault::new("NoSuchEntity", format!("The {} {} does not have a permissions boundary attached.", owner.kind(), entity.name)));
    }
    Ok(Xml::new())
}
