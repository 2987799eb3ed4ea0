//! Users, roles and groups by what they have in common: a name, a path, tags, policies, a boundary.
//!
//! An owner is the kind of thing; its words are those of parameters and messages.

use std::collections::{BTreeMap, BTreeSet};

use super::{boundary_exists, tags};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    state::{Entity, Owner},
};

impl Owner {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Group => "group",
        }
    }

    pub(super) const fn param(self) -> &'static str {
        match self {
            Self::User => "UserName",
            Self::Role => "RoleName",
            Self::Group => "GroupName",
        }
    }

    pub(super) const fn capital(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
            Self::Group => "Group",
        }
    }
}

pub(super) fn owned<'a>(call: &'a Exchange<'_>, owner: Owner) -> Outcome<&'a Entity> {
    let name = call.params.text(owner.param());
    call.account()?.entity(owner, name).ok_or_else(|| Fault::no_such(owner.kind(), name))
}

pub(super) fn owned_mut<'a>(call: &'a mut Exchange<'_>, owner: Owner) -> Outcome<&'a mut Entity> {
    let name = call.params.text(owner.param());
    call.account_mut()?.entity_mut(owner, name).ok_or_else(|| Fault::no_such(owner.kind(), name))
}

/// The owner of a path that AWS's services keep for themselves.
pub(super) const SERVICES: &str = "/aws-service-role/";

/// A role that belongs to an AWS service is changed by that service alone.
pub(super) fn modifiable(entity: &Entity) -> Outcome<()> {
    if entity.path.starts_with(SERVICES) {
        let message = format!("Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS", entity.name);
        return Err(Fault::new("UnmodifiableEntity", message));
    }
    Ok(())
}

/// Somebody's, to change what it may do.
pub(super) fn changed<'a>(call: &'a mut Exchange<'_>, owner: Owner) -> Outcome<&'a mut Entity> {
    if owner == Owner::Role {
        modifiable(owned(call, owner)?)?;
    }
    owned_mut(call, owner)
}

/// The boundary of the user or role whose policies a call changes: `iam:PermissionsBoundary` is how the right to make users
/// is handed on without the right to make administrators.
pub(in crate::practice) fn current_boundary<'a>(call: &'a Exchange<'_>) -> Option<&'a str> {
    let action = call.action.name;
    let changes = ["Attach", "Detach", "Put", "Delete"].iter().any(|start| action.starts_with(start));
    let policies = ["UserPolicy", "RolePolicy", "PermissionsBoundary"].iter().any(|end| action.ends_with(end));
    let owner = [Owner::User, Owner::Role].into_iter().find(|owner| call.params.get(owner.param()).is_some())?;
    let entity = call.account().ok()?.entity(owner, call.params.text(owner.param()))?;
    entity.boundary.as_deref().filter(|_| changes && policies)
}

/// A resource as IAM's denials name it: by kind and name, where the operation is about something that is there.
pub(in crate::practice) fn spoken(action: &str, resource: &str) -> String {
    let by_arn = ["CreateUser", "CreateRole", "CreateGroup", "CreateInstanceProfile", "CreateServiceLinkedRole", "PassRole", "Tag", "Untag"];
    let lists = ["ListUsers", "ListRoles", "ListGroups", "ListInstanceProfiles"];
    let (Some(action), Some((_, path))) = (action.strip_prefix("iam:"), resource.split_once("::").and_then(|(_, rest)| rest.split_once(':'))) else {
        return resource.to_owned();
    };
    if by_arn.iter().any(|start| action.starts_with(start)) || lists.contains(&action) {
        return resource.to_owned();
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    match path.split('/').next() {
        Some("policy") if action == "CreatePolicy" => format!("policy {name}"),
        Some("policy") => format!("policy {resource}"),
        Some("instance-profile") => format!("instance profile {name}"),
        Some(kind @ ("user" | "role" | "group")) => format!("{kind} {name}"),
        Some(_) | None => resource.to_owned(),
    }
}

/// The common part of a new user, role or group: its name is free in any spelling, its path and tags are right.
pub(super) fn new_entity(call: &mut Exchange<'_>, owner: Owner, prefix: &str) -> Outcome<Entity> {
    let name = call.params.text(owner.param()).to_owned();
    let path = call.params.get("Path").unwrap_or("/").to_owned();
    let boundary = call.params.get("PermissionsBoundary").map(str::to_owned);
    let tags = tags::checked(call.params)?;
    let account = call.account()?;
    let taken = match owner {
        Owner::User => account.users.is_taken(&name),
        Owner::Role => account.roles.is_taken(&name),
        Owner::Group => account.groups.is_taken(&name),
    };
    // The quota of roles can be raised, and here it is.
    let full = match owner {
        Owner::User if account.users.len() >= 5000 => Some("UsersPerAccount: 5000"),
        Owner::Group if account.groups.len() >= 300 => Some("GroupsPerAccount: 300"),
        Owner::User | Owner::Group | Owner::Role => None,
    };
    if let Some(quota) = full {
        return Err(Fault::limit(format!("Cannot exceed quota for {quota}")));
    }
    if taken {
        return Err(Fault::exists(owner.capital(), &name));
    }
    if owner == Owner::Role && (path.starts_with(SERVICES) || path.starts_with("/aws-reserved/")) {
        return Err(Fault::new("InvalidInput", format!("The path {path} is reserved for AWS services.")));
    }
    if let Some(boundary) = &boundary {
        boundary_exists(call, boundary)?;
    }
    Ok(Entity {
        id: call.state.draw.unique_id(prefix),
        arn: format!("arn:aws:iam::{}:{}{path}{name}", call.principal.account, owner.kind()),
        created: call.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        name,
        path,
        boundary,
        tags,
    })
}
