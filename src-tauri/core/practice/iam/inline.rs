//! Inline policies of users, roles and groups, with the limits on their size.
//!
//! The limits are on all inline policies of one owner together, white space not counted.

use super::{DOCUMENT, GROUP, MARKER, MAX_ITEMS, NAME, ROLE, USER, changed, encoded, group, identity_document, modifiable, owned, page, role, user};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Field, required},
    state::Owner,
    table::{Action, iam},
    xml::Xml,
};

const POLICY: Field = required("PolicyName", NAME);
const TEXT: Field = required("PolicyDocument", DOCUMENT);

pub(super) static ACTIONS: &[Action] = &[
    iam("PutUserPolicy", user, &[USER, POLICY, TEXT], |call| put(call, Owner::User)),
    iam("PutRolePolicy", role, &[ROLE, POLICY, TEXT], |call| put(call, Owner::Role)),
    iam("PutGroupPolicy", group, &[GROUP, POLICY, TEXT], |call| put(call, Owner::Group)),
    iam("GetUserPolicy", user, &[USER, POLICY], |call| get(call, Owner::User)),
    iam("GetRolePolicy", role, &[ROLE, POLICY], |call| get(call, Owner::Role)),
    iam("GetGroupPolicy", group, &[GROUP, POLICY], |call| get(call, Owner::Group)),
    iam("DeleteUserPolicy", user, &[USER, POLICY], |call| delete(call, Owner::User)),
    iam("DeleteRolePolicy", role, &[ROLE, POLICY], |call| delete(call, Owner::Role)),
    iam("DeleteGroupPolicy", group, &[GROUP, POLICY], |call| delete(call, Owner::Group)),
    iam("ListUserPolicies", user, &[USER, MARKER, MAX_ITEMS], |call| list(call, Owner::User)),
    iam("ListRolePolicies", role, &[ROLE, MARKER, MAX_ITEMS], |call| list(call, Owner::Role)),
    iam("ListGroupPolicies", group, &[GROUP, MARKER, MAX_ITEMS], |call| list(call, Owner::Group)),
];

/// All inline policies of one owner together.
const fn largest(owner: Owner) -> usize {
    match owner {
        Owner::User => 2048,
        Owner::Role => 10240,
        Owner::Group => 5120,
    }
}

fn no_such(owner: Owner, policy: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The {} policy with name {policy} cannot be found.", owner.kind()))
}

fn put(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let name = call.params.text("PolicyName").to_owned();
    let entity = owned(call, owner)?;
    modifiable(entity)?;
    let document = identity_document(call.params.text("PolicyDocument"))?;
    let others: usize = entity.inline.iter().filter(|(own, _)| **own != name).map(|(_, document)| document.size()).sum();
    if others + document.size() > largest(owner) {
        let entity_name = &entity.name;
        return Err(Fault::limit(format!("Maximum policy size of {} bytes exceeded for {} {entity_name}", largest(owner), owner.kind())));
    }
    changed(call, owner)?.inline.insert(name, document);
    Ok(Xml::new())
}

fn get(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let name = call.params.text("PolicyName");
    let entity = owned(call, owner)?;
    let document = entity.inline.get(name).ok_or_else(|| no_such(owner, name))?;
    Ok(Xml::new().text(owner.param(), &entity.name).text("PolicyName", name).text("PolicyDocument", encoded(document.text())))
}

fn delete(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let name = call.params.text("PolicyName");
    changed(call, owner)?.inline.remove(name).ok_or_else(|| no_such(owner, name))?;
    Ok(Xml::new())
}

fn list(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    page(call, "PolicyNames", owned(call, owner)?.inline.keys().map(|name| (name, name)), |name| Xml::bare(name))
}
