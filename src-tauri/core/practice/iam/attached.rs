//! Managed policies on users, roles and groups: attach, detach, list.
//!
//! Ten at most on each. What a policy says is in `managed`; here it is only named.

use super::{GROUP, MARKER, MAX_ITEMS, POLICY_ARN, POLICY_PREFIX, ROLE, SHORT_USER, attachable, changed, group, modifiable, owned, page, role, user};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Field, required},
    state::{ManagedPolicy, Owner},
    table::{Action, iam},
    xml::Xml,
};

const ARN: Field = required("PolicyArn", POLICY_ARN);

pub(super) static ACTIONS: &[Action] = &[
    iam("AttachUserPolicy", user, &[SHORT_USER, ARN], |call| attach(call, Owner::User)),
    iam("AttachRolePolicy", role, &[ROLE, ARN], |call| attach(call, Owner::Role)),
    iam("AttachGroupPolicy", group, &[GROUP, ARN], |call| attach(call, Owner::Group)),
    iam("DetachUserPolicy", user, &[SHORT_USER, ARN], |call| detach(call, Owner::User)),
    iam("DetachRolePolicy", role, &[ROLE, ARN], |call| detach(call, Owner::Role)),
    iam("DetachGroupPolicy", group, &[GROUP, ARN], |call| detach(call, Owner::Group)),
    iam("ListAttachedUserPolicies", user, &[SHORT_USER, POLICY_PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::User)),
    iam("ListAttachedRolePolicies", role, &[ROLE, POLICY_PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::Role)),
    iam("ListAttachedGroupPolicies", group, &[GROUP, POLICY_PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::Group)),
];

/// As lists of what is attached have it.
pub(super) fn xml(policy: &ManagedPolicy) -> Xml {
    Xml::new().text("PolicyName", &policy.name).text("PolicyArn", &policy.arn)
}

fn attach(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn").to_owned();
    modifiable(owned(call, owner)?)?;
    attachable(call, &arn)?;
    let entity = changed(call, owner)?;
    if entity.attached.len() >= 10 && !entity.attached.contains(&arn) {
        return Err(Fault::limit(format!("Cannot exceed quota for PoliciesPer{}: 10", owner.capital())));
    }
    entity.attached.insert(arn);
    Ok(Xml::new())
}

fn detach(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn");
    let detached = changed(call, owner)?.attached.remove(arn);
    if detached { Ok(Xml::new()) } else { Err(Fault::new("NoSuchEntity", format!("Policy {arn} was not found."))) }
}

fn list(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let account = call.account()?;
    let policies = owned(call, owner)?.attached.iter().filter_map(|arn| call.state.policy(account, arn));
    let policies = policies.filter(|policy| super::under(&policy.path, call));
    page(call, "AttachedPolicies", policies.map(|policy| (policy.name.as_str(), policy)), xml)
}
