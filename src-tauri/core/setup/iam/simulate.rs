//! What an admin profile may do, before it does it: SimulatePrincipalPolicy.
//!
//! Root is not simulated: it may. A session is simulated as its role. Where the simulation itself is refused nobody knows, and that is told.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::{Fault, Seat, fault};

/// What somebody may not: the action, on what, and what decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacks {
    /// `iam:CreateUser`
    pub action: String,
    /// An ARN.
    pub resource: String,
    /// In words.
    pub why: String,
}

/// Which of `needs` (action, resource) the seat lacks.
pub async fn may(seat: &Seat, needs: &[(String, String)]) -> Result<Vec<Lacks>, Fault> {
    let Some(source) = source(seat).await? else { return Ok(Vec::new()) };
    let mut on: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (action, resource) in needs {
        let actions = on.entry(resource).or_default();
        if !actions.contains(&action.as_str()) {
            actions.push(action);
        }
    }
    let mut lacks = Vec::new();
    for (resource, actions) in on {
        let context = ContextEntry::builder()
            .context_key_name("aws:MultiFactorAuthPresent")
            .context_key_type(ContextKeyTypeEnum::Boolean)
            .context_key_values(if seat.with_mfa { "true" } else { "false" });
        let call = seat.iam().simulate_principal_policy().policy_source_arn(&source).resource_arns(resource).context_entries(context.build());
        let call = actions.iter().fold(call, |call, action| call.action_names(*action)).max_items(1000);
        let answer = call.send().await.map_err(|error| fault(&format!("SimulatePrincipalPolicy of {source}"), &seat.signer, &error))?;
        for result in answer.evaluation_results() {
            let boundary = result.permissions_boundary_decision_detail().is_some_and(|detail| !detail.allowed_by_permissions_boundary());
            let why = match result.eval_decision() {
                PolicyEvaluationDecisionType::Allowed => continue,
                PolicyEvaluationDecisionType::ExplicitDeny => "a policy denies it",
                _ if boundary => "the permissions boundary does not allow it",
                _ => "no policy allows it",
            };
            lacks.push(Lacks { action: result.eval_action_name().to_owned(), resource: resource.to_owned(), why: why.to_owned() });
        }
    }
    Ok(lacks)
}

/// Whose policies count: the user's, or the role's behind a session. `None`: root.
async fn source(seat: &Seat) -> Result<Option<String>, Fault> {
    let resource = seat.arn.splitn(6, ':').nth(5).unwrap_or_default();
    if resource == "root" {
        return Ok(None);
    }
    let Some(session) = resource.strip_prefix("assumed-role/") else { return Ok(Some(seat.arn.clone())) };
    let name = session.split('/').next().unwrap_or_default();
    // The session's ARN leaves the role's path out.
    let role = seat.iam().get_role().role_name(name).send().await;
    Ok(Some(match role.ok().and_then(|answer| answer.role) {
        Some(role) => role.arn,
        None => seat.place.arn(&format!("role/{name}")),
    }))
}
