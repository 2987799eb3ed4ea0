//! SimulatePrincipalPolicy and SimulateCustomPolicy: the evaluator, asked without doing anything.
//!
//! Like AWS's, it sees identity policies and boundaries and no trust policies.

use super::{MARKER, MAX_ITEMS, POLICY_ARN, everything, identity_document};
use crate::{
    policy::{Caller, Context, Document, Outcome as Decided, Policies, Request, Source, decide},
    practice::{
        authorize::{identity, managed},
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::required,
        params::Params,
        state::Entity,
        table::{Action, iam},
        xml::Xml,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "SimulatePrincipalPolicy",
        |call| Ok((call.params.text("PolicySourceArn").to_owned(), Vec::new())),
        &[required("PolicySourceArn", POLICY_ARN), MARKER, MAX_ITEMS],
        principal,
    ),
    iam("SimulateCustomPolicy", everything, &[MARKER, MAX_ITEMS], custom),
];

/// The policies that a request brings along, with names as AWS gives them.
fn brought(params: &Params, list: &str) -> Outcome<Vec<(String, Document)>> {
    let texts = params.list(list).into_iter().enumerate();
    texts.map(|(index, text)| Ok((format!("{list}.{}", index + 1), identity_document(text)?))).collect()
}

fn sources(named: &[(String, Document)]) -> impl Iterator<Item = Source<'_>> {
    named.iter().map(|(name, document)| Source { name, document })
}

fn custom(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let policies = brought(call.params, "PolicyInputList")?;
    if policies.is_empty() {
        return Err(Fault::validation("1 validation error detected: Value null at 'policyInputList' failed to satisfy constraint: Member must not be null"));
    }
    let boundary = brought(call.params, "PermissionsBoundaryPolicyInputList")?;
    let policies = Policies { identity: sources(&policies).collect(), boundary: sources(&boundary).next(), ..Policies::default() };
    answer(call, &policies, Context::new())
}

fn principal(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = call.params.text("PolicySourceArn");
    let more = brought(call.params, "PolicyInputList")?;
    let own_boundary = brought(call.params, "PermissionsBoundaryPolicyInputList")?;
    let account = call.account()?;
    let entity: Option<&Entity> = account.entities().map(|(_, entity)| entity).find(|entity| entity.arn == arn);
    let entity = entity.ok_or_else(|| Fault::new("NoSuchEntity", format!("The entity with ARN {arn} cannot be found.")))?;
    let mut context = Context::new();
    context.set("aws:PrincipalArn", arn);
    let mut policies = Policies { identity: identity(call.state, account, entity), ..Policies::default() };
    if account.users.get(&entity.name).is_some_and(|user| user.entity.id == entity.id) {
        context.set("aws:username", entity.name.as_str());
        for group in account.groups_of(&entity.name) {
            policies.identity.extend(identity(call.state, account, &group.entity));
        }
    }
    policies.identity.extend(sources(&more));
    let attached = entity.boundary.as_deref().and_then(|arn| managed(call.state, account, arn).map(|document| Source { name: arn, document }));
    policies.boundary = sources(&own_boundary).next().or(attached);
    answer(call, &policies, context)
}

fn answer(call: &Exchange<'_>, policies: &Policies<'_>, mut context: Context) -> Outcome<Xml> {
    let params = call.params;
    for (index, key) in params.structures("ContextEntries", "ContextKeyName").into_iter().enumerate() {
        let values = params.list(&format!("ContextEntries.member.{}.ContextKeyValues", index + 1));
        context.set_all(key, values.into_iter().map(str::to_owned));
    }
    let actions = params.list("ActionNames");
    if actions.is_empty() {
        return Err(Fault::validation("1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null"));
    }
    let resources = params.list("ResourceArns");
    let resources = if resources.is_empty() { vec!["*"] } else { resources };
    let mut items = Vec::new();
    for (place, action) in actions.iter().enumerate() {
        if !action.contains(':') {
            return Err(Fault::new("InvalidInput", format!("Invalid action: {action}")));
        }
        for (index, resource) in resources.iter().enumerate() {
            items.push((format!("{place:06}/{index:06}"), result(call, policies, &context, action, resource)));
        }
    }
    super::page(call, "EvaluationResults", items)
}

fn result(call: &Exchange<'_>, policies: &Policies<'_>, context: &Context, action: &str, resource: &str) -> Xml {
    let caller = Caller { account: call.principal.account.clone(), exact: Vec::new(), behind: Vec::new() };
    let decision = decide(&Request { caller: &caller, action, resource, context }, policies);
    let word = match decision.outcome {
        Decided::Allowed => "allowed",
        Decided::ExplicitDeny(_) => "explicitDeny",
        Decided::ImplicitDeny(_) => "implicitDeny",
    };
    let matched = decision.because.iter().map(|matched| Xml::new().text("SourcePolicyId", &matched.policy).text("SourcePolicyType", "IAM Policy"));
    let conditions = policies.identity.iter().flat_map(|source| &source.document.statements).flat_map(|statement| &statement.conditions);
    let mut missing: Vec<&str> = conditions.map(|condition| condition.key.as_str()).filter(|key| context.get(key).is_none()).collect();
    missing.sort_unstable();
    missing.dedup();
    let boundary = policies.boundary.map(|source| {
        let alone = Policies { identity: vec![source], ..Policies::default() };
        let allowed = decide(&Request { caller: &caller, action, resource, context }, &alone).allowed();
        Xml::new().text("AllowedByPermissionsBoundary", if allowed { "true" } else { "false" })
    });
    let xml = Xml::new()
        .text("EvalActionName", action)
        .text("EvalResourceName", resource)
        .text("EvalDecision", word)
        .list("MatchedStatements", matched)
        .list("MissingContextValues", missing.into_iter().map(Xml::bare));
    match boundary {
        Some(detail) => xml.element("PermissionsBoundaryDecisionDetail", detail),
        None => xml,
    }
}
