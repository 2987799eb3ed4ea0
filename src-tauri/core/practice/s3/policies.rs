//! A bucket's policy: put, read and taken away by the bucket's own account, and by nobody else's.
//!
//! Users and roles are kept by unique ID, as trust policies keep them. Only S3's actions on this bucket can be in it.

use super::buckets::{found, nothing, permit, policy_mut};
use crate::{
    policy::{
        Document, Malformed, Shape,
        document::{Listed, PrincipalKind, Statement},
    },
    practice::{
        authorize::{Guard, Question},
        caller::Who,
        envelope::Object,
        exchange::Exchange,
        fault::{Fault, Outcome},
        iam::trust,
        known_actions,
        state::Trust,
    },
};

/// What a bucket policy may take up.
const LARGEST: usize = 20_480;

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new("MalformedPolicy", message)
}

/// Whether the caller may, and is of the bucket's account. Its root may always, lest a policy lock everybody out.
fn permit_owner(call: &Exchange<'_>, action: &str) -> Outcome<()> {
    let (owner, _) = found(call)?;
    if call.principal.who == Who::Root && call.principal.account == owner {
        let (resource, context) = (format!("arn:aws:s3:::{}", call.params.text("Bucket")), call.context()?);
        return call.ask(&Question { principal: &call.principal, action, resource: &resource, context: &context, guard: Guard::Nothing });
    }
    permit(call, action, None)?;
    if call.principal.account == owner {
        return Ok(());
    }
    Err(Fault::new("MethodNotAllowed", "The specified method is not allowed against this resource."))
}

pub(super) fn get(call: &mut Exchange<'_>) -> Outcome<Object> {
    permit_owner(call, "s3:GetBucketPolicy")?;
    let (_, bucket) = found(call)?;
    let policy = bucket.policy.as_ref().ok_or_else(|| Fault::new("NoSuchBucketPolicy", "The bucket policy does not exist"))?;
    Ok(Object { body: trust::shown(call.state, policy).into_bytes(), content_type: "application/json", headers: Vec::new() })
}

pub(super) fn put(call: &mut Exchange<'_>) -> Outcome<Object> {
    permit_owner(call, "s3:PutBucketPolicy")?;
    let text = std::str::from_utf8(call.body).map_err(|_| no_json())?;
    let mut document = Document::parse(text, Shape::Resource).map_err(ungrammatical)?;
    if document.size() > LARGEST {
        return Err(Fault::new("PolicyTooLarge", "Your policy exceeds the maximum allowed document size."));
    }
    let bucket = format!("arn:aws:s3:::{}", call.params.text("Bucket"));
    document.statements.iter().try_for_each(|statement| check(statement, &bucket))?;
    let accounts = &call.state.accounts;
    for principal in document.principals_mut().filter(|principal| principal.kind == PrincipalKind::CanonicalUser) {
        // S3 knows accounts by their canonical IDs too.
        let account = accounts.values().find(|account| super::owner_id(&account.id) == principal.name);
        principal.name = account.ok_or_else(no_such_principal)?.root_arn();
        principal.kind = PrincipalKind::Aws;
    }
    let policy: Trust = trust::keep(call.state, document).map_err(|_| no_such_principal())?;
    *policy_mut(call)? = Some(policy);
    Ok(nothing())
}

pub(super) fn delete(call: &mut Exchange<'_>) -> Outcome<Object> {
    permit_owner(call, "s3:DeleteBucketPolicy")?;
    *policy_mut(call)? = None;
    Ok(nothing())
}

/// The grammar's complaint, where S3 has no sentence of its own.
fn ungrammatical(error: Malformed) -> Fault {
    if error.is_no_json() {
        return no_json();
    }
    if error.0.starts_with("Invalid principal") { no_such_principal() } else { malformed(error.0) }
}

fn no_such_principal() -> Fault {
    malformed("Invalid principal in policy")
}

fn no_json() -> Fault {
    malformed("Policies must be valid JSON and the first byte must be '{'")
}

/// Only S3's actions, only this bucket, and each action on something that it is about.
fn check(statement: &Statement, bucket: &str) -> Outcome<()> {
    let (Listed::In(actions) | Listed::NotIn(actions)) = &statement.actions;
    let known = |action: &String| action == "*" || (known_actions::of("s3", action) && known_actions::known(action) != Some(false));
    if !actions.iter().all(known) {
        return Err(malformed("Policy has invalid action"));
    }
    let Some(Listed::In(resources) | Listed::NotIn(resources)) = &statement.resources else { return Ok(()) };
    let inside = |resource: &String| resource == bucket || resource.strip_prefix(bucket).is_some_and(|rest| rest.starts_with(['/', '*']));
    if !resources.iter().all(inside) {
        return Err(malformed("Policy has invalid resource"));
    }
    let about = |action: &String| {
        let objects = known_actions::is_about_objects(action);
        action.contains(['*', '?']) || resources.iter().any(|resource| resource.contains('*') && !resource.contains('/') || resource.contains('/') == objects)
    };
    let both_in = matches!((&statement.actions, &statement.resources), (Listed::In(_), Some(Listed::In(_))));
    if both_in && !actions.iter().all(about) {
        return Err(malformed("Action does not apply to any resource(s) in statement"));
    }
    Ok(())
}
