//! A plan and its progress as they are shown: by the window, by the command line, in the list of past setups.
//!
//! Pure. What is shown of a step's call is what is sent, with values that only come about on the way in plain words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    call::{call, last, text},
    documents,
    journal::{Progress, ProofProgress, StepProgress},
    plan::{Plan, Proof, Step},
    thing::{State, Thing},
};
use crate::model::{
    file_diff::DiffLine,
    practice::DocumentView,
    setup::{SetupAccount, SetupLine, SetupProof, SetupState, SetupStep, SetupView, Standing, StepState},
};

/// Where a plan stands.
pub fn stage(plan: &Plan, progress: &Progress) -> SetupState {
    progress.stage.unwrap_or_else(|| {
        if plan.blocked() {
            SetupState::Blocked
        } else if plan.changes() {
            SetupState::Planned
        } else {
            SetupState::Nothing
        }
    })
}

/// The step that deletes the key which the plan replaced: after it nothing can be taken back, because the new key is the only one.
pub fn replaced(plan: &Plan) -> Option<&Step> {
    let new = plan.steps.iter().position(|step| matches!(step.thing, Thing::NewKey { .. }))?;
    plan.steps[new..].iter().find(|step| matches!(step.thing, Thing::OldKey { .. }))
}

/// Whether something of it is in the world, and can be taken back.
pub fn undoable(plan: &Plan, progress: &Progress) -> bool {
    let stage = progress.stage;
    if replaced(plan).is_some_and(|step| matches!(progress.state_of(&step.id), StepState::Done)) {
        return false;
    }
    !matches!(stage, None | Some(SetupState::Applying | SetupState::Undoing | SetupState::Undone))
        && plan.steps.iter().any(|step| progress.touched(&step.id) && !step.irreversible)
}

/// Whether it can be gone on with.
pub fn resumable(progress: &Progress) -> bool {
    matches!(progress.stage, Some(SetupState::Stopped | SetupState::Waiting))
}

/// All of it.
pub fn view(plan: &Plan, progress: &Progress, revision: u64) -> SetupView {
    let left = plan.steps.iter().filter(|step| step.irreversible && matches!(progress.state_of(&step.id), StepState::Done));
    SetupView {
        id: plan.id.clone(),
        kind: plan.intent.kind().to_owned(),
        title: plan.title.clone(),
        at: plan.at,
        accounts: plan
            .seats
            .iter()
            .map(|seat| SetupAccount {
                account_id: seat.place.account_id.clone(),
                alias: seat.alias.clone(),
                profile: seat.profile.clone(),
                arn: seat.arn.clone(),
            })
            .collect(),
        state: stage(plan, progress),
        steps: plan.steps.iter().map(|step| step_view(plan, step, progress)).collect(),
        proofs: plan.proofs.iter().map(|proof| proof_view(proof, progress.proofs.get(&proof.id))).collect(),
        warnings: plan.warnings.clone(),
        missing: plan.missing.clone(),
        notes: plan.notes.clone(),
        error: progress.error.clone(),
        waits_until: progress.waits_until,
        undoable: undoable(plan, progress),
        resumable: resumable(progress),
        left: left.map(|step| format!("{}: this cannot be undone", step.done_title)).collect(),
        revision,
    }
}

/// Its line in the list.
pub fn line(plan: &Plan, progress: &Progress) -> SetupLine {
    let done = plan.steps.iter().filter(|step| matches!(progress.state_of(&step.id), StepState::Done | StepState::Exists)).count();
    let accounts: BTreeSet<_> = plan.seats.iter().map(|seat| seat.place.account_id.clone()).collect();
    SetupLine {
        id: plan.id.clone(),
        kind: plan.intent.kind().to_owned(),
        title: plan.title.clone(),
        at: plan.at,
        accounts: accounts.into_iter().collect(),
        state: stage(plan, progress),
        done: u32::try_from(done).unwrap_or(u32::MAX),
        steps: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
        undoable: undoable(plan, progress),
        resumable: resumable(progress),
        waits_until: progress.waits_until,
    }
}

fn step_view(plan: &Plan, step: &Step, progress: &Progress) -> SetupStep {
    let nothing = StepProgress::default();
    let own = progress.steps.get(&step.id).unwrap_or(&nothing);
    // What is there already is shown by what would have been sent.
    let known = |from: &State, to: &State| call(&step.thing, from, to, &plan.place(step));
    let sent = plan.call(step).or_else(|| known(&None, &step.to)).or_else(|| known(&Some(Value::Object(Map::new())), &None));
    let state = match (progress.state_of(&step.id), step.standing) {
        (StepState::Pending, Standing::Exists) => StepState::Exists,
        (StepState::Pending, Standing::Conflict | Standing::Unknown) => StepState::Failed,
        (state, _) => state,
    };
    let account_id = step.seat.and_then(|seat| plan.seats.get(seat)).map(|seat| seat.place.account_id.clone());
    SetupStep {
        id: step.id.clone(),
        action: sent.as_ref().map(|call| call.action.clone()).unwrap_or_default(),
        title: step.title.clone(),
        done_title: step.done_title.clone(),
        detail: step.detail.clone(),
        account_id,
        standing: step.standing,
        state,
        request: sent.as_ref().map(|call| readable(&call.request)).unwrap_or_default(),
        document: document(step),
        diff: diff(step),
        error: own.error.clone().or_else(|| step.conflict.clone()),
        permissions: sent
            .filter(|_| step.standing != Standing::Exists)
            .map(|call| call.needs.into_iter().map(|(action, on)| format!("{action} on {on}")).collect())
            .unwrap_or_default(),
        irreversible: step.irreversible,
        waits_for: own.waits_for.clone(),
        made: ["AccessKeyId", "VersionId", "SerialNumber"].iter().find_map(|what| progress.made(&step.id, what)),
        took: own.done.as_ref().map(|(_, _, took)| *took),
    }
}

/// Values that come about on the way, in words.
fn readable(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("$made:") => Value::from("(the new access key)"),
        Value::Array(values) => values.iter().map(readable).collect(),
        Value::Object(object) => Value::Object(object.iter().map(|(key, value)| (key.clone(), readable(value))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The policy that a step writes.
fn document(step: &Step) -> Option<DocumentView> {
    let state = if step.to.is_some() { &step.to } else { &step.before };
    let policy = text(state, "PolicyDocument").or_else(|| text(state, "AssumeRolePolicyDocument"))?;
    let title = match &step.thing {
        Thing::Role { name } | Thing::Trust { role: name } => format!("Trust policy of {name}"),
        Thing::Inline { name, .. } => name.clone(),
        Thing::Policy { arn } | Thing::DefaultDocument { policy: arn } => last(arn).to_owned(),
        Thing::Version { policy, version } => format!("{} {version}", last(policy)),
        _ => step.title.clone(),
    };
    Some(DocumentView { title, text: documents::pretty(&policy) })
}

/// What it changes: lines of a policy, or of the values.
fn diff(step: &Step) -> Vec<DiffLine> {
    if !matches!(step.standing, Standing::Change | Standing::Remove | Standing::Conflict) {
        return Vec::new();
    }
    let lines = |state: &Option<Value>| {
        let policy = text(state, "PolicyDocument").or_else(|| text(state, "AssumeRolePolicyDocument"));
        policy.or_else(|| state.as_ref().map(|state| readable(state).to_string()))
    };
    documents::diff(lines(&step.before).as_deref(), lines(&step.to).as_deref())
}

fn proof_view(proof: &Proof, progress: Option<&ProofProgress>) -> SetupProof {
    let made = progress.and_then(|progress| progress.made.as_ref());
    let state = match made {
        _ if progress.is_some_and(|progress| progress.running) => StepState::Running,
        None => StepState::Pending,
        Some(made) if made.outcome == Some(proof.expected) => StepState::Done,
        Some(_) => StepState::Failed,
    };
    SetupProof {
        id: proof.id.clone(),
        action: proof.call.action().to_owned(),
        title: proof.title.clone(),
        done_title: proof.done_title.clone(),
        expected: proof.expected,
        outcome: made.and_then(|made| made.outcome),
        state,
        said: made.and_then(|made| made.said.clone()),
        because: made.map(|made| made.because.clone()).unwrap_or_default(),
        waits_for: progress.and_then(|progress| progress.waits_for.clone()),
        took: made.map(|made| made.took),
    }
}
