//! The practice account's own screen as data: what the world tells, in the model's types.
//!
//! A call is shown with the statements that decided it; which they were is known by whoever decided, not found out here.

use std::collections::BTreeSet;

use crate::{
    model::practice::{AccountView, CallView, DecisionView, PolicyKind, StatementView},
    policy::{Kind, document::Effect},
    practice::{Call, Judged, Reason, World},
};

/// How many calls are shown.
const SHOWN: usize = 200;

/// The last calls, newest first.
pub(super) fn last_calls(world: &World) -> Vec<CallView> {
    world.last_calls(SHOWN).iter().map(call_view).collect()
}

/// Who was made since the start.
pub(super) fn made(start: &[AccountView], now: &[AccountView]) -> Vec<String> {
    let names = |account: &AccountView| -> Vec<String> {
        let whose = if account.own { String::new() } else { format!(" ({})", account.title) };
        let users = account.users.iter().map(|user| ("user", &user.name));
        let roles = account.roles.iter().map(|role| ("role", &role.name));
        let groups = account.groups.iter().map(|group| ("group", &group.name));
        users.chain(roles).chain(groups).map(|(kind, name)| format!("{kind} {name}{whose}")).collect()
    };
    let before: BTreeSet<String> = start.iter().flat_map(names).collect();
    now.iter().flat_map(names).filter(|name| !before.contains(name)).collect()
}

/// One call.
pub(super) fn call_view(call: &Call) -> CallView {
    CallView {
        id: call.event_id.clone(),
        at: call.at,
        service: call.service.to_owned(),
        action: call.action.clone(),
        who: call.principal_arn.clone(),
        resource: call.resource.clone(),
        error_code: call.error_code.clone(),
        error_message: call.error_message.clone(),
        decisions: call.decisions.iter().map(decision_view).collect(),
    }
}

fn decision_view(judged: &Judged) -> DecisionView {
    DecisionView {
        action: judged.action.clone(),
        resource: judged.resource.clone(),
        allowed: judged.allowed,
        because: judged.because.iter().map(statement_view).collect(),
    }
}

fn statement_view(reason: &Reason) -> StatementView {
    StatementView {
        policy: reason.policy.rsplit('/').next().unwrap_or(&reason.policy).to_owned(),
        kind: match reason.kind {
            Kind::Identity => PolicyKind::Identity,
            Kind::Boundary => PolicyKind::Boundary,
            Kind::Session => PolicyKind::Session,
            Kind::Resource => PolicyKind::Resource,
        },
        sid: reason.sid.clone(),
        number: reason.statement + 1,
        denies: reason.effect == Effect::Deny,
        text: reason.text.clone(),
    }
}
