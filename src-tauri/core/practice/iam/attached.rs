//! Managed policies on users, roles and groups: attach, detach, list.
//!
//! Ten at most on each. What a policy says is in `managed`; here it is only named.

use super::{GROUP, MARKER, MAX_ITEMS, POLICY_ARN, PREFIX, ROLE, USER, attachable, group, owned, owned_mut, page, role, user};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Field, required},
    state::Owner,
    table::{Action, iam},
    xml::Xml,
};

const ARN: Field = required("PolicyArn", POLICY_ARN);

pub(super) static ACTIONS: &[Action] = &[
    iam("AttachUserPolicy", user, &[USER, ARN], |call| attach(call, Owner::User)),
    iam("AttachRolePolicy", role, &[ROLE, ARN], |call| attach(call, Owner::Role)),
    iam("AttachGroupPolicy", group, &[GROUP, ARN], |call| attach(call, Owner::Group)),
    iam("DetachUserPolicy", user, &[USER, ARN], |call| detach(call, Owner::User)),
    iam("DetachRolePolicy", role, &[ROLE, ARN], |call| detach(call, Owner::Role)),
    iam("DetachGroupPolicy", group, &[GROUP, ARN], |call| detach(call, Owner::Group)),
    iam("ListAttachedUserPolicies", user, &[USER, PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::User)),
    iam("ListAttachedRolePolicies", role, &[ROLE, PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::Role)),
    iam("ListAttachedGroupPolicies", group, &[GROUP, PREFIX, MARKER, MAX_ITEMS], |call| list(call, Owner::Group)),
];

fn attach(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn").to_owned();
    owned(call, owner)?;
    attachable(call, &arn)?;
    let entity = owned_mut(call, owner)?;
    if entity.attached.len() >= 10 && !entity.attached.contains(&arn) {
        return Err(Fault::limit(format!("Cannot exceed quota for PoliciesPer{}: 10", owner.capital())));
    }
    entity.attached.insert(arn);
    Ok(Xml::new())
}

fn detach(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn");
    let detached = owned_mut(call, owner)?.attached.remove(arn);
    if detached { Ok(Xml::new()) } else { Err(Fault::new("NoSuchEntity", format!("Policy {arn} was not found."))) }
}

fn list(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let account = call.account()?;
    let policies = owned(call, owner)?.attached.iter().filter_map(|arn| call.state.policy(account, arn));
    let policies = policies.filter(|policy| super::under(&policy.path, call));
    page(
        call,
        "AttachedPolicies",
        policies.map(|policy| (policy.name.clone(), Xml::new().text("PolicyName", &policy.name).text("PolicyArn", &policy.arn))).collect(),
    )
}
