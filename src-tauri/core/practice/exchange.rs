//! The way of every call: find the action, know the caller, check the parameters, ask the policies, run, answer, record.
//!
//! Everything happens under one lock on the world, so a call sees it whole and leaves it whole. Not here: what an action does.

use time::OffsetDateTime;

use super::{
    Call, Inner,
    authenticate::{Signed, authenticate, invalid_token},
    authorize::{Question, authorize, gate},
    caller::{Principal, Who},
    fault::{Fault, Outcome},
    fields,
    incoming::Incoming,
    params::Params,
    state::{Account, State, Use},
    table::{self, Action, Api, Permission},
    xml::{self, Xml},
};
use crate::{model::access_key::AccessKeyId, policy::Context};

/// One authenticated call.
pub(super) struct Exchange<'a> {
    pub(super) inner: &'a Inner,
    pub(super) state: &'a mut State,
    pub(super) principal: Principal,
    pub(super) params: &'a Params,
    pub(super) now: OffsetDateTime,
    pub(super) action: &'static Action,
    pub(super) peer: std::net::IpAddr,
    pub(super) region: String,
}

impl Exchange<'_> {
    /// The caller's account.
    pub(super) fn account(&self) -> Outcome<&Account> {
        self.state.accounts.get(&self.principal.account).ok_or_else(invalid_token)
    }

    /// The caller's account, to change it.
    pub(super) fn account_mut(&mut self) -> Outcome<&mut Account> {
        self.state.accounts.get_mut(&self.principal.account).ok_or_else(invalid_token)
    }

    /// `UserName`, or the caller's own where IAM lets it be left out. `None` is root.
    pub(super) fn user_or_self(&self) -> Outcome<Option<String>> {
        match (self.params.get("UserName"), &self.principal.who) {
            (Some(name), _) => Ok(Some(name.to_owned())),
            (None, Who::User(name)) => Ok(Some(name.clone())),
            (None, Who::Root) => Ok(None),
            (None, Who::Role(_)) => Err(Fault::validation("Must specify userName when calling with non-User credentials")),
        }
    }

    /// The condition keys of this call.
    pub(super) fn context(&self) -> Outcome<Context> {
        let mut context = self.principal.context(self.account()?, self.now);
        context.set("aws:CurrentTime", super::time_text(self.now));
        context.set("aws:EpochTime", self.now.unix_timestamp().to_string());
        context.set("aws:SourceIp", self.peer.to_string());
        // AWS is never called without TLS; here the loopback stands for it.
        context.set("aws:SecureTransport", "true");
        context.set("aws:RequestedRegion", if self.action.service == Api::Iam { "us-east-1" } else { &self.region });
        let tags = self.params.pairs("Tags");
        for tag in &tags {
            context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
        }
        let keys = tags.into_iter().map(|tag| tag.key).chain(self.params.list("TagKeys").into_iter().map(str::to_owned));
        context.set_all("aws:TagKeys", keys);
        for (key, param) in [("iam:PermissionsBoundary", "PermissionsBoundary"), ("iam:PolicyARN", "PolicyArn")] {
            if let Some(value) = self.params.get(param) {
                context.set(key, value);
            }
        }
        Ok(context)
    }

    fn permit(&self) -> Outcome<()> {
        let Permission::Needed(target) = self.action.permission else { return Ok(()) };
        let (resource, tags) = target(self)?;
        let mut context = self.context()?;
        for tag in tags {
            context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value.as_str());
            context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
        }
        let action = format!("{}:{}", self.action.service.prefix(), self.action.permission_name());
        authorize(self.state, &Question { principal: &self.principal, action: &action, resource: &resource, context: &context, trust: None })
    }
}

/// An answer, ready for HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) content_type: &'static str,
    pub(super) request_id: String,
}

/// How far a request was understood: enough to answer in the right envelope.
struct Found {
    api: Api,
    action: Option<&'static Action>,
}

/// Answers one request to STS, IAM or S3.
pub(super) fn answer(inner: &Inner, incoming: &Incoming) -> Answer {
    let now = inner.clock.now();
    let mut state = inner.state();
    let request_id = state.draw.uuid();
    let mut call = Call { action: String::new(), access_key_id: String::new(), principal_arn: String::new(), error_code: None, at: now };
    let mut found = Found { api: Api::Sts, action: None };
    let outcome = run(inner, &mut state, incoming, now, &mut found, &mut call);
    call.error_code = outcome.as_ref().err().map(|fault| fault.code.clone());
    if !call.action.is_empty() {
        state.record(call);
    }
    let Found { api, action } = found;
    let status = outcome.as_ref().map_or_else(Fault::status, |_| 200);
    let body = match (api, action, outcome) {
        (Api::S3, _, outcome) => super::s3::body(outcome, &request_id),
        (Api::Iam | Api::Sts, Some(action), Ok(result)) => xml::response(action.name, api.namespace(), result, &request_id),
        (Api::Iam | Api::Sts, None, Ok(_)) => String::new(),
        (Api::Iam | Api::Sts, _, Err(fault)) => xml::error(&fault, api.namespace(), &request_id),
    };
    let content_type = if api == Api::S3 { "application/xml" } else { "text/xml" };
    Answer { status, body, content_type, request_id }
}

fn run(inner: &Inner, state: &mut State, incoming: &Incoming, now: OffsetDateTime, found: &mut Found, call: &mut Call) -> Outcome<Xml> {
    let params = Params::parse(&incoming.query, if incoming.is_form() { &incoming.body } else { &[] })?;
    let signed = Signed::of(incoming);
    let scope = signed.as_ref().ok().and_then(Option::as_ref).map(|signed| signed.service.as_str());
    found.api = table::api(&params).unwrap_or(if scope == Some("s3") { Api::S3 } else { Api::Sts });
    let action = table::find(&params, scope, incoming)?;
    *found = Found { api: action.service, action: Some(action) };
    action.name.clone_into(&mut call.action);
    let Some(signed) = signed? else {
        return Err(Fault::new("MissingAuthenticationToken", "Request is missing Authentication Token"));
    };
    signed.access_key_id().clone_into(&mut call.access_key_id);
    let principal = authenticate(inner, state, incoming, &signed, action.service.prefix(), now)?;
    call.principal_arn = state.accounts.get(&principal.account).map(|account| principal.arn(account)).unwrap_or_default();
    used(state, &principal, &signed, action, now);
    let mut exchange = Exchange { inner, state, principal, params: &params, now, action, peer: incoming.peer, region: signed.region };
    gate(&exchange.principal, action.service, action.name)?;
    fields::check(action.fields, &params)?;
    exchange.permit()?;
    if let Some(code) = planned_failure(exchange.state, action.name) {
        return Err(Fault::new(&code, format!("{code}: the practice account was told to fail this call")));
    }
    (action.run)(&mut exchange)
}

/// A failure that a test asked for.
fn planned_failure(state: &mut State, action: &str) -> Option<String> {
    state.failures.retain(|(_, left, _)| *left > 0);
    let failure = state.failures.iter_mut().find(|(name, _, _)| name == action)?;
    failure.1 -= 1;
    Some(failure.2.clone())
}

/// Last use of a key or a role.
fn used(state: &mut State, principal: &Principal, signed: &Signed, action: &Action, now: OffsetDateTime) {
    let service = action.service.prefix();
    let Some(account) = state.accounts.get_mut(&principal.account) else { return };
    let last = Some(Use { at: now, service, region: signed.region.clone() });
    match (&principal.who, &principal.session) {
        (Who::Role(name), _) => {
            if let Some(role) = account.roles.get_mut(name) {
                role.last_used = last;
            }
        }
        (Who::Root | Who::User(_), Some(_)) => {}
        (who @ (Who::Root | Who::User(_)), None) => {
            let user = if let Who::User(name) = who { Some(name.as_str()) } else { None };
            let id = AccessKeyId::parse(signed.access_key_id()).ok();
            if let Some(key) = id.and_then(|id| account.key_mut(user, &id)) {
                key.last_used = last;
            }
        }
    }
}
