//! AssumeRole: trust and identity policies, MFA, external ID, tags, source identity, the limits of duration.
//!
//! A role that does not exist is denied in the same words as one that does not trust, so that nobody can probe for roles.
//! Assumed with temporary credentials of any kind, it lasts an hour at most.

use super::{assumed, credentials, duration, existing, mfa, packed_size, session, session_policies, tags};
use crate::{
    model::params::SessionTag,
    policy::{Context, Document},
    practice::{
        authorize::{Guard, Question},
        caller::Who,
        exchange::{Exchange, resource_tags},
        fault::{Fault, Outcome},
        federation::account_of_role,
        session::SessionKind,
        xml::Xml,
    },
};

/// What is needed of a role after the decision.
struct Target {
    arn: String,
    account: String,
    id: String,
    name: String,
    max_session: i64,
    trust: Document,
    tags: Vec<SessionTag>,
}

pub(in crate::practice) fn run(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = call.params.text("RoleArn").to_owned();
    account_of_role(&arn)?;
    if call.principal.who == Who::Root {
        return Err(Fault::new("AccessDenied", "Roles may not be assumed by root accounts."));
    }
    let (policies, managed) = session_policies(call.params)?;
    let tags = session_tags(call)?;
    let mfa = mfa(call)?;
    let mut context = context(call, &tags, mfa)?;
    let role = role(call, &arn)?;
    resource_tags(&mut context, &role.tags);
    permit(call, &role, &context, &tags)?;
    existing(call.state, &role.account, &managed)?;
    let seconds = seconds(call, &role)?;

    let name = call.params.text("RoleSessionName").to_owned();
    let mut session = session(call, SessionKind::Role, role.id.clone(), &name, seconds);
    session.account.clone_from(&role.account);
    session.policies = policies;
    session.managed = managed;
    session.transitive = transitive(call);
    session.source_identity = source_identity(call).map(str::to_owned);
    session.chained = call.principal.session.is_some();
    session.tags = tags;
    let packed = packed_size(&session)?;
    let identity = session.source_identity.clone();
    let credentials = credentials(call, session)?;
    Ok(assumed(&role.account, &role.name, &role.id, &name)
        .join(credentials)
        .maybe("PackedPolicySize", packed.map(|percent| percent.to_string()))
        .maybe("SourceIdentity", identity))
}

/// The tags of the request with those that the caller's session passes on.
fn session_tags(call: &Exchange<'_>) -> Outcome<Vec<SessionTag>> {
    let mut own = tags(call.params)?;
    for key in call.params.list("TransitiveTagKeys") {
        if !own.iter().any(|tag| tag.key.eq_ignore_ascii_case(key)) {
            return Err(Fault::validation("The specified transitive tag key must be included in the requested tags."));
        }
    }
    if let Some(session) = &call.principal.session {
        for key in &session.transitive {
            if own.iter().any(|tag| tag.key.eq_ignore_ascii_case(key)) {
                return Err(Fault::new(
                    "InvalidParameterValue",
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
                ));
            }
            own.extend(session.tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(key)).cloned());
        }
    }
    Ok(own)
}

fn transitive(call: &Exchange<'_>) -> Vec<String> {
    let inherited = call.principal.session.iter().flat_map(|session| session.transitive.iter().cloned());
    inherited.chain(call.params.list("TransitiveTagKeys").into_iter().map(str::to_owned)).collect()
}

/// The one that is asked for, or the one that the caller's session has.
fn source_identity<'a>(call: &'a Exchange<'_>) -> Option<&'a str> {
    let inherited = call.principal.session.as_ref().and_then(|session| session.source_identity.as_deref());
    inherited.or_else(|| call.params.get("SourceIdentity"))
}

fn context(call: &Exchange<'_>, tags: &[SessionTag], mfa: bool) -> Outcome<Context> {
    let mut context = call.context()?;
    context.set("sts:RoleSessionName", call.params.text("RoleSessionName"));
    if let Some(id) = call.params.get("ExternalId") {
        context.set("sts:ExternalId", id);
    }
    if let Some(identity) = source_identity(call) {
        context.set("sts:SourceIdentity", identity);
    }
    for tag in tags {
        context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    context.set_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()));
    context.set_all("sts:TransitiveTagKeys", transitive(call));
    if mfa {
        context.set("aws:MultiFactorAuthPresent", "true");
        context.set("aws:MultiFactorAuthAge", "0");
    }
    Ok(context)
}

/// The role; one that does not exist is denied like one that does not trust.
fn role(call: &Exchange<'_>, arn: &str) -> Outcome<Target> {
    let account = arn.split(':').nth(4).and_then(|account| call.state.seen().accounts.get(account));
    let found = account.and_then(|account| account.role_by_arn(arn).map(|role| (account, role)));
    let Some((account, role)) = found else {
        let caller = call.principal.arn(call.home()?);
        return Err(Fault::new("AccessDenied", format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}")));
    };
    Ok(Target {
        arn: arn.to_owned(),
        account: account.id.clone(),
        id: role.entity.id.clone(),
        name: role.entity.name.clone(),
        max_session: i64::from(role.max_session),
        trust: role.trust.document.clone(),
        tags: role.entity.tags.clone(),
    })
}

fn permit(call: &Exchange<'_>, role: &Target, context: &Context, tags: &[SessionTag]) -> Outcome<()> {
    let ask = |action: &str| {
        let guard = Guard::Trust(&role.trust, &role.account);
        call.ask(&Question { principal: &call.principal, action, resource: &role.arn, context, guard })
    };
    ask("sts:AssumeRole")?;
    if !tags.is_empty() {
        ask("sts:TagSession")?;
    }
    let inherited = call.principal.session.as_ref().and_then(|session| session.source_identity.as_deref());
    if let (Some(inherited), Some(asked)) = (inherited, call.params.get("SourceIdentity"))
        && inherited != asked
    {
        let caller = call.principal.arn(call.home()?);
        return Err(Fault::new("AccessDenied", format!("User: {caller} is not authorized to perform: sts:SetSourceIdentity on resource: {}", role.arn)));
    }
    if source_identity(call).is_some() {
        ask("sts:SetSourceIdentity")?;
    }
    Ok(())
}

fn seconds(call: &Exchange<'_>, role: &Target) -> Outcome<i64> {
    let asked = duration(call.params);
    if call.principal.session.is_some() && asked.is_some_and(|seconds| seconds > 3600) {
        return Err(Fault::validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."));
    }
    if asked.is_some_and(|seconds| seconds > role.max_session) {
        return Err(Fault::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    Ok(asked.unwrap_or(3600))
}
