//! The way of every call: find the action, know the caller, check the parameters, ask the policies, run, answer, record.
//!
//! Everything happens under one lock on the world, so a call sees it whole and leaves it whole. Not here: what an action does.

use std::cell::RefCell;

use time::OffsetDateTime;

use super::{
    Inner,
    authenticate::{Signed, authenticate, invalid_token},
    authorize::{Guard, Question, authorize, gate},
    caller::{self, Principal, Who},
    decode,
    envelope::{self, Answer, Reply},
    fault::{Fault, Outcome},
    federation::Unsigned,
    fields,
    incoming::Incoming,
    params::Params,
    record::{Call, Judged},
    state::{Account, State, Use},
    table::{self, Action, Api, Permission, Run},
};
use crate::{
    model::{access_key::AccessKeyId, params::SessionTag},
    policy::Context,
};

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
    pub(super) body: &'a [u8],
    /// What the policies were asked, and what the last denial says in secret.
    asked: RefCell<Asked>,
}

#[derive(Default)]
struct Asked {
    judged: Vec<Judged>,
    told: Option<serde_json::Value>,
}

impl Exchange<'_> {
    /// The caller's account.
    pub(super) fn account(&self) -> Outcome<&Account> {
        self.state.accounts.get(&self.principal.account).ok_or_else(invalid_token)
    }

    /// The caller's account as those see it who decide: with `--eventual`, a while ago.
    pub(super) fn home(&self) -> Outcome<&Account> {
        self.state.seen().accounts.get(&self.principal.account).ok_or_else(invalid_token)
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
            (None, Who::Role(_) | Who::Nobody) => Err(Fault::validation("Must specify userName when calling with non-User credentials")),
        }
    }

    /// The condition keys of this call.
    pub(super) fn context(&self) -> Outcome<Context> {
        let mut context = if self.principal.who == Who::Nobody { caller::unsigned() } else { self.principal.context(self.home()?, self.now) };
        surroundings(&mut context, self.now, self.peer, if self.action.service == Api::Iam { "us-east-1" } else { &self.region });
        let tags = self.params.pairs("Tags");
        for tag in &tags {
            context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
        }
        let keys = tags.into_iter().map(|tag| tag.key).chain(self.params.list("TagKeys").into_iter().map(str::to_owned));
        context.set_all("aws:TagKeys", keys);
        for (key, param) in [("iam:PermissionsBoundary", "PermissionsBoundary"), ("iam:PolicyARN", "PolicyArn"), ("iam:AWSServiceName", "AWSServiceName")] {
            if let Some(value) = self.params.get(param) {
                context.set(key, value);
            }
        }
        if let (None, Some(boundary)) = (self.params.get("PermissionsBoundary"), super::iam::entities::current_boundary(self)) {
            context.set("iam:PermissionsBoundary", boundary);
        }
        Ok(context)
    }

    /// Allowed, or AWS's denial. The answer goes on record.
    pub(super) fn ask(&self, question: &Question<'_>) -> Outcome<()> {
        let verdict = authorize(self.state, question)?;
        let mut asked = self.asked.borrow_mut();
        asked.judged.push(verdict.judged);
        let Some((denial, told)) = verdict.denial else { return Ok(()) };
        asked.told = told;
        Err(denial)
    }

    /// The call from the moment its caller is known.
    fn perform(&mut self) -> Outcome<Reply> {
        gate(&self.principal, self.action.service, self.action.name)?;
        fields::check(self.action.fields, self.params)?;
        self.permit()?;
        if let Some(failure) = planned_failure(self.state, self.action.name) {
            return Err(failure);
        }
        match self.action.run {
            Run::Xml(run) => run(self).map(Reply::Xml),
            Run::Json(run) => run(self).map(Reply::Json),
            Run::Object(run) => run(self).map(Reply::Object),
            Run::Anonymous(_) => Err(Fault::new("InternalFailure", "This action has no caller.")),
        }
    }

    fn permit(&self) -> Outcome<()> {
        let Permission::Needed(target) = self.action.permission else { return Ok(()) };
        let (resource, tags) = target(self)?;
        let mut context = self.context()?;
        resource_tags(&mut context, &tags);
        let ask = |action: &str| self.ask(&Question { principal: &self.principal, action, resource: &resource, context: &context, guard: Guard::Nothing });
        ask(&format!("{}:{}", self.action.service.prefix(), self.action.permission_name))?;
        // Whoever makes a thing with tags needs the permission to tag it, too.
        match self.action.name.strip_prefix("Create") {
            Some(made) if self.action.service == Api::Iam && self.params.get("Tags.member.1.Key").is_some() => {
                ask(&format!("iam:Tag{}", made.strip_prefix("Virtual").unwrap_or(made)))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The condition keys that every call has, whoever makes it.
pub(super) fn surroundings(context: &mut Context, now: OffsetDateTime, peer: std::net::IpAddr, region: &str) {
    context.set("aws:CurrentTime", super::time_text(now));
    context.set("aws:EpochTime", now.unix_timestamp().to_string());
    context.set("aws:SourceIp", peer.to_string());
    // AWS is never called without TLS; here the loopback stands for it.
    context.set("aws:SecureTransport", "true");
    context.set("aws:RequestedRegion", region);
}

/// The tags of what a call is about.
pub(super) fn resource_tags(context: &mut Context, tags: &[SessionTag]) {
    for tag in tags {
        context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value.as_str());
        context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
    }
}

/// How far a request was understood: enough to answer in the right envelope, and to put it on record.
struct Heard {
    api: Api,
    action: Option<&'static Action>,
    call: Call,
    /// What the denial says in secret.
    told: Option<serde_json::Value>,
}

/// Answers one request.
pub(super) fn answer(inner: &Inner, incoming: &Incoming, params: Outcome<Params>) -> Answer {
    let mut state = inner.state();
    let request_id = state.draw.uuid();
    let mut call = Call::new(state.draw.uuid(), inner.clock.now());
    call.request_id.clone_from(&request_id);
    call.source_ip = incoming.peer.to_string();
    incoming.header("user-agent").unwrap_or_default().clone_into(&mut call.user_agent);
    let mut heard = Heard { api: Api::Sts, action: None, call, told: None };
    let outcome = run(inner, &mut state, incoming, params, &mut heard);
    let Heard { api, action, mut call, told } = heard;
    if let Ok(Reply::Xml(elements)) = &outcome {
        call.answered(elements);
    }
    if !call.action.is_empty() {
        state.calls.record(call);
    }
    let outcome = match (outcome, told) {
        (Err(denial), Some(told)) => Err(decode::sealed(inner, &mut state.draw, denial, &told)),
        (outcome, _) => outcome,
    };
    envelope::put(api, action, outcome, request_id)
}

fn run(inner: &Inner, state: &mut State, incoming: &Incoming, params: Outcome<Params>, heard: &mut Heard) -> Outcome<Reply> {
    let mut params = params?;
    let outcome = act(inner, state, incoming, heard, &mut params);
    if let Err(fault) = &outcome {
        heard.call.refused(fault, heard.action, &params);
    }
    outcome
}

fn act(inner: &Inner, state: &mut State, incoming: &Incoming, heard: &mut Heard, params: &mut Params) -> Outcome<Reply> {
    let signed = Signed::of(incoming);
    let scope = signed.as_ref().ok().and_then(Option::as_ref).map(|signed| signed.service.as_str());
    heard.api = table::api(params, scope, incoming);
    let action = table::find(heard.api, params, scope, incoming)?;
    (heard.api, heard.action) = (action.service, Some(action));
    let params = &*params;
    heard.call.asks(action, params);
    if let Run::Anonymous(run) = action.run {
        fields::check(action.fields, params)?;
        let now = heard.call.at;
        "us-east-1".clone_into(&mut heard.call.region);
        heard.call.resource = params.get("RoleArn").map(str::to_owned);
        let mut unsigned = Unsigned { inner, state, params, now, peer: incoming.peer, keys: incoming.keys.as_ref(), call: &mut heard.call };
        let answer = run(&mut unsigned)?;
        // As everywhere, a planned failure comes after everything else was right.
        return planned_failure(state, action.name).map_or(Ok(Reply::Xml(answer)), Err);
    }
    let (principal, region) = caller(inner, state, incoming, signed?, heard, action)?;
    let (peer, now) = (incoming.peer, heard.call.at);
    let mut exchange = Exchange { inner, state, principal, params, now, action, peer, region, body: &incoming.body, asked: RefCell::default() };
    let changes = !heard.call.read_only;
    let late = changes && action.service == Api::Iam;
    if late {
        exchange.state.before_change();
    }
    let outcome = exchange.perform();
    let Asked { judged, told } = exchange.asked.take();
    if late && outcome.is_ok() {
        exchange.state.after_change(now);
    }
    if outcome.is_ok() && (changes || params.get("TokenCode").is_some()) {
        inner.changes.send_modify(|count| *count += 1);
    }
    heard.call.resource = judged.first().map(|judged| judged.resource.clone());
    heard.call.decisions = judged;
    heard.told = told.filter(|_| outcome.is_err());
    outcome
}

/// Who calls, for which Region, put on record. S3 lets nobody in particular call too.
fn caller(inner: &Inner, state: &mut State, incoming: &Incoming, signed: Option<Signed>, heard: &mut Heard, action: &Action) -> Outcome<(Principal, String)> {
    let call = &mut heard.call;
    let Some(signed) = signed else {
        if action.service != Api::S3 {
            return Err(Fault::new("MissingAuthenticationToken", "Request is missing Authentication Token"));
        }
        "us-east-1".clone_into(&mut call.region);
        let nobody = Principal::nobody();
        call.account_id.clone_from(&nobody.account);
        return Ok((nobody, call.region.clone()));
    };
    signed.access_key_id().clone_into(&mut call.access_key_id);
    signed.region.clone_into(&mut call.region);
    let principal = authenticate(inner, state, incoming, &signed, action.service.prefix(), call.at)?;
    if let Some(account) = state.seen().accounts.get(&principal.account) {
        (call.principal_arn, call.principal_id, call.session) = (principal.arn(account), principal.user_id(account), principal.told(account));
    }
    principal.account.clone_into(&mut call.account_id);
    used(state, &principal, &signed, action, call.at);
    Ok((principal, signed.region))
}

/// A failure that a test asked for.
fn planned_failure(state: &mut State, action: &str) -> Option<Fault> {
    state.failures.retain(|(_, left, _)| *left > 0);
    let failure = state.failures.iter_mut().find(|(name, _, _)| name == action)?;
    failure.1 -= 1;
    let code = &failure.2;
    Some(Fault::new(code, format!("{code}: the practice account was told to fail this call")))
}

/// Last use of a key or a role.
fn used(state: &mut State, principal: &Principal, signed: &Signed, action: &Action, now: OffsetDateTime) {
    let service = action.service.prefix();
    let Some(account) = state.accounts.get_mut(&principal.account) else { return };
    let last = Some(Use { at: now, service: service.to_owned(), region: signed.region.clone() });
    match (&principal.who, &principal.session) {
        (Who::Role(name), _) => {
            if let Some(role) = account.roles.get_mut(name) {
                role.last_used = last;
            }
        }
        (Who::Nobody, _) | (Who::Root | Who::User(_), Some(_)) => {}
        (who @ (Who::Root | Who::User(_)), None) => {
            let user = if let Who::User(name) = who { Some(name.as_str()) } else { None };
            let id = AccessKeyId::parse(signed.access_key_id()).ok();
            if let Some(key) = id.and_then(|id| account.key_mut(user, &id)) {
                key.last_used = last;
            }
        }
    }
}
