//! GetAccountAuthorizationDetails: everything that has a say about permissions, in one list of pages.
//!
//! The four kinds share one marker: users, then groups, then roles, then policies.

use super::{
    MARKER, MAX_ITEMS, attached, boundary_xml, encoded, everything, instance_profiles,
    managed::{self, Usage},
    pages::{end, slice},
    tags, trust,
};
use crate::practice::{
    exchange::Exchange,
    fault::Outcome,
    fields::{Rule, optional},
    state::{Account, Entity, Group, ManagedPolicy, Owner, Role, User},
    table::{Action, iam},
    time_text,
    xml::Xml,
};

const KINDS: Rule = Rule::OneOf(&["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]);

pub(super) static ACTIONS: &[Action] =
    &[iam("GetAccountAuthorizationDetails", everything, &[optional("Filter", Rule::List { max: 5, of: &KINDS }), MAX_ITEMS, MARKER], details)];

#[derive(Clone, Copy)]
enum Item<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Policy(&'a ManagedPolicy),
}

fn details(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let filter = call.params.list("Filter");
    let wants = |kind: &str| filter.is_empty() || filter.contains(&kind);
    let mut items = Vec::new();
    if wants("User") {
        items.extend(account.users.values().map(|user| (format!("1/{}", user.entity.name), Item::User(user))));
    }
    if wants("Group") {
        items.extend(account.groups.values().map(|group| (format!("2/{}", group.entity.name), Item::Group(group))));
    }
    if wants("Role") {
        items.extend(account.roles.values().map(|role| (format!("3/{}", role.entity.name), Item::Role(role))));
    }
    if wants("LocalManagedPolicy") {
        items.extend(account.policies.values().map(|policy| (format!("4/{}", policy.name), Item::Policy(policy))));
    }
    if wants("AWSManagedPolicy") {
        items.extend(call.state.aws_policies.values().map(|policy| (format!("5/{}", policy.name), Item::Policy(policy))));
    }
    let (items, marker) = slice(call, items)?;
    let usage = Usage::of(account);
    let (mut users, mut groups, mut roles, mut policies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::User(user) => users.push(user_xml(call, account, user)),
            Item::Group(group) => groups.push(entity_xml(call, account, Owner::Group, &group.entity)),
            Item::Role(role) => roles.push(role_xml(call, account, role)),
            Item::Policy(policy) => policies.push(policy_xml(&usage, policy)),
        }
    }
    Ok(Xml::new().list("UserDetailList", users).list("GroupDetailList", groups).list("RoleDetailList", roles).list("Policies", policies).join(end(marker)))
}

/// What users, groups and roles have in common.
fn entity_xml(call: &Exchange<'_>, account: &Account, owner: Owner, entity: &Entity) -> Xml {
    let inline = entity.inline.iter().map(|(name, document)| Xml::new().text("PolicyName", name).text("PolicyDocument", encoded(document.text())));
    let attached = entity.attached.iter().filter_map(|arn| call.state.policy(account, arn)).map(attached::xml);
    Xml::new()
        .text("Path", &entity.path)
        .text(owner.param(), &entity.name)
        .text(&format!("{}Id", owner.capital()), &entity.id)
        .text("Arn", &entity.arn)
        .text("CreateDate", time_text(entity.created))
        .list(&format!("{}PolicyList", owner.capital()), inline)
        .list("AttachedManagedPolicies", attached)
}

fn user_xml(call: &Exchange<'_>, account: &Account, user: &User) -> Xml {
    let groups = account.groups_of(&user.entity.name).map(|group| Xml::bare(&group.entity.name));
    entity_xml(call, account, Owner::User, &user.entity).list("GroupList", groups).join(boundary_xml(&user.entity)).join(tags::xml(&user.entity.tags))
}

fn role_xml(call: &Exchange<'_>, account: &Account, role: &Role) -> Xml {
    let profiles = account.profiles.values().filter(|profile| profile.role.as_ref() == Some(&role.entity.name));
    let last = role.last_used.as_ref().map_or(Xml::new(), |last| Xml::new().text("LastUsedDate", time_text(last.at)).text("Region", &last.region));
    entity_xml(call, account, Owner::Role, &role.entity)
        .text("AssumeRolePolicyDocument", encoded(&trust::shown(call.state, &role.trust)))
        .list("InstanceProfileList", profiles.map(|profile| instance_profiles::xml(call, profile, false)))
        .join(boundary_xml(&role.entity))
        .join(tags::xml(&role.entity.tags))
        .element("RoleLastUsed", last)
}

fn policy_xml(usage: &Usage<'_>, policy: &ManagedPolicy) -> Xml {
    let versions = policy.versions.iter().rev();
    let versions = versions.map(|version| Xml::new().text("Document", encoded(version.document.text())).join(managed::version_xml(policy, version)));
    managed::xml(usage, policy, false).maybe("Description", policy.description.as_ref()).list("PolicyVersionList", versions)
}
