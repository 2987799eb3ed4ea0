//! Groups and who is in them.
//!
//! A group has inline and attached policies and no boundary; it is no principal.

use std::collections::BTreeSet;

use super::{GROUP, MARKER, MAX_ITEMS, NAME, PATH, PREFIX, USER, group, listed, made, new_entity, page, under, user, users};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::optional,
    state::{Entity, Group, Owner},
    table::{Action, iam},
    time_text,
    xml::Xml,
};

pub(super) static ACTIONS: &[Action] = &[
    iam("CreateGroup", |call| Ok(made(call, "group", "GroupName")), &[GROUP, optional("Path", PATH)], create),
    iam("GetGroup", group, &[GROUP, MARKER, MAX_ITEMS], get),
    iam("ListGroups", |call| Ok(listed(call, "group")), &[PREFIX, MARKER, MAX_ITEMS], list),
    iam("UpdateGroup", group, &[GROUP, optional("NewGroupName", NAME), optional("NewPath", PATH)], update),
    iam("DeleteGroup", group, &[GROUP], delete),
    iam("AddUserToGroup", group, &[GROUP, USER], add),
    iam("RemoveUserFromGroup", group, &[GROUP, USER], remove),
    iam("ListGroupsForUser", user, &[USER, MARKER, MAX_ITEMS], of_user),
];

pub(super) fn xml(entity: &Entity) -> Xml {
    Xml::new()
        .text("Path", &entity.path)
        .text("GroupName", &entity.name)
        .text("GroupId", &entity.id)
        .text("Arn", &entity.arn)
        .text("CreateDate", time_text(entity.created))
}

fn found<'a>(call: &'a Exchange<'_>) -> Outcome<&'a Group> {
    let name = call.params.text("GroupName");
    call.account()?.groups.get(name).ok_or_else(|| Fault::no_such("group", name))
}

fn found_mut<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Group> {
    let name = call.params.text("GroupName");
    call.account_mut()?.groups.get_mut(name).ok_or_else(|| Fault::no_such("group", name))
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let entity = new_entity(call, Owner::Group, "AGPA")?;
    let answer = Xml::new().element("Group", xml(&entity));
    call.account_mut()?.groups.insert(entity.name.clone(), Group { entity, members: BTreeSet::new() });
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let group = found(call)?;
    let account = call.account()?;
    let members = group.members.iter().filter_map(|name| account.users.get(name)).map(|user| (user.entity.name.as_str(), user));
    let members = page(call, "Users", members, |user| users::xml(user, false))?;
    Ok(Xml::new().element("Group", xml(&group.entity)).join(members))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let groups = call.account()?.groups.values().filter(|group| under(&group.entity.path, call));
    page(call, "Groups", groups.map(|group| (group.entity.name.as_str(), group)), |group| xml(&group.entity))
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("GroupName");
    let new_name = call.params.get("NewGroupName").unwrap_or(name).to_owned();
    let path = call.params.get("NewPath");
    let account = call.account_mut()?;
    if account.groups.is_taken_by_another(name, &new_name) {
        return Err(Fault::exists("Group", &new_name));
    }
    let mut group = account.groups.remove(name).ok_or_else(|| Fault::no_such("group", name))?;
    if let Some(path) = path {
        path.clone_into(&mut group.entity.path);
    }
    group.entity.arn = format!("arn:aws:iam::{}:group{}{new_name}", account.id, group.entity.path);
    group.entity.name.clone_from(&new_name);
    account.groups.insert(new_name, group);
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let group = found(call)?;
    let conflict = if !group.members.is_empty() {
        Some("must remove users from group first.")
    } else if !group.entity.attached.is_empty() {
        Some("must detach all policies first.")
    } else if !group.entity.inline.is_empty() {
        Some("must delete policies first.")
    } else {
        None
    };
    if let Some(conflict) = conflict {
        return Err(Fault::new("DeleteConflict", format!("Cannot delete entity, {conflict}")));
    }
    let name = group.entity.name.clone();
    call.account_mut()?.groups.remove(&name);
    Ok(Xml::new())
}

fn add(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let user = call.params.text("UserName").to_owned();
    found(call)?;
    let account = call.account()?;
    if !account.users.contains_key(&user) {
        return Err(Fault::no_such("user", &user));
    }
    let name = call.params.text("GroupName");
    if account.groups_of(&user).filter(|group| group.entity.name != name).count() >= 10 {
        return Err(Fault::limit("Cannot exceed quota for GroupsPerUser: 10"));
    }
    found_mut(call)?.members.insert(user);
    Ok(Xml::new())
}

fn remove(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let user = call.params.text("UserName").to_owned();
    if !call.account()?.users.contains_key(&user) {
        return Err(Fault::no_such("user", &user));
    }
    if !found_mut(call)?.members.remove(&user) {
        return Err(Fault::no_such("user", &user));
    }
    Ok(Xml::new())
}

fn of_user(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("UserName");
    let account = call.account()?;
    if !account.users.contains_key(name) {
        return Err(Fault::no_such("user", name));
    }
    page(call, "Groups", account.groups_of(name).map(|group| (group.entity.name.as_str(), group)), |group| xml(&group.entity))
}
