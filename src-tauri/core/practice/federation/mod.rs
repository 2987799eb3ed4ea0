//! Identity providers from outside: what they sign, with which keys, and the role session that comes of it.
//!
//! `saml` and `jwt` believe nothing before a signature of the provider has been verified (`dsig` over `c14n`, `keys`); `fetch`
//! brings the keys of an OIDC provider, from this machine only. What the two operations share is here: their caller is
//! nobody, so the role's trust policy alone decides, about the provider's ARN.

mod attributes;
mod c14n;
mod dsig;
mod fetch;
mod jwt;
mod keys;
mod metadata;
pub(super) mod providers;
pub(super) mod saml;
mod tree;
pub(super) mod web;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub(super) use self::{
    fetch::{Fetched, addresses, fetch},
    metadata::Metadata,
};
use super::{
    Inner,
    exchange::{resource_tags, surroundings},
    fault::{Fault, Outcome},
    fields::tag_fits,
    params::Params,
    record::{Call, Judged},
    session::SessionKind,
    state::State,
    sts::{assumed, begin, duration, existing, packed_size, sealed, session_policies},
    xml::Xml,
};
use crate::{
    model::params::SessionTag,
    policy::{Caller, Context, Document, Policies, Request, ResourcePolicy, Source, decide},
};

/// A call that nobody signed.
pub(super) struct Unsigned<'a> {
    pub(super) inner: &'a Inner,
    pub(super) state: &'a mut State,
    pub(super) params: &'a Params,
    pub(super) now: OffsetDateTime,
    pub(super) peer: IpAddr,
    /// The keys of the provider that the call names, for a web identity.
    pub(super) keys: Option<&'a Fetched>,
    /// The record of it.
    pub(super) call: &'a mut Call,
}

/// What a session keeps of the provider that it came from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The provider's ARN.
    pub(super) provider: String,
    /// Its condition keys, which the session goes on having.
    pub(super) keys: Vec<(String, Vec<String>)>,
}

/// Session tags as a provider asserts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    all: Vec<SessionTag>,
    transitive: Vec<String>,
}

impl Tags {
    /// The limits are those of AssumeRole's parameters; what breaks them is the provider's fault.
    fn checked(all: Vec<SessionTag>, transitive: Vec<String>) -> Outcome<Self> {
        let mut keys: Vec<_> = all.iter().map(|tag| tag.key.to_lowercase()).collect();
        keys.sort();
        let twice = keys.windows(2).any(|pair| pair[0] == pair[1]);
        if all.len() > 50 || transitive.len() > 50 || twice || keys.iter().any(|key| key.starts_with("aws:")) || !all.iter().all(tag_fits) {
            return Err(invalid("The session tags in the identity token are not valid"));
        }
        if !transitive.iter().all(|key| keys.contains(&key.to_lowercase())) {
            return Err(invalid("The specified transitive tag key must be included in the requested tags."));
        }
        Ok(Self { all, transitive })
    }
}

/// A provider's word for somebody, verified.
pub(super) struct Vouched {
    /// `AssumeRoleWithSAML`
    pub(super) operation: &'static str,
    /// The provider's ARN.
    pub(super) provider: String,
    pub(super) session_name: String,
    pub(super) source_identity: Option<String>,
    pub(super) tags: Tags,
    pub(super) keys: Vec<(String, Vec<String>)>,
    /// The session must end then at the latest.
    pub(super) until: Option<OffsetDateTime>,
}

/// What is needed of a role.
struct Target {
    account: String,
    id: String,
    name: String,
    max_session: i64,
    trust: Document,
}

/// The account in a role's ARN.
pub(super) fn account_of_role(arn: &str) -> Outcome<&str> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", account, role] if account.len() == 12 && role.starts_with("role/") => Ok(*account),
        _ => Err(Fault::validation("Request ARN is invalid")),
    }
}

/// Lets somebody take a role on a provider's word, if the role trusts it; gives what both answers have in common.
pub(super) fn assume(call: &mut Unsigned<'_>, vouched: Vouched) -> Outcome<Xml> {
    let (policies, managed) = session_policies(call.params)?;
    let role = trusted(call, &vouched)?;
    existing(call.state, &role.account, &managed)?;
    let asked = duration(call.params);
    if asked.is_some_and(|seconds| seconds > role.max_session) {
        return Err(Fault::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    let left = vouched.until.map(|until| (until - call.now).whole_seconds());
    let seconds = left.into_iter().chain([asked.unwrap_or(3600)]).min().unwrap_or(3600);
    let name = vouched.session_name;
    let mut session = begin(SessionKind::Role, &role.account, role.id.clone(), &name, call.now, seconds);
    session.policies = policies;
    session.managed = managed;
    session.tags = vouched.tags.all;
    session.transitive = vouched.tags.transitive;
    session.source_identity.clone_from(&vouched.source_identity);
    session.origin = Some(Origin { provider: vouched.provider, keys: vouched.keys });
    let packed = packed_size(&session)?;
    let credentials = sealed(call.inner, call.state, call.params, session)?;
    Ok(assumed(&role.account, &role.name, &role.id, &name)
        .join(credentials)
        .maybe("PackedPolicySize", packed.map(|percent| percent.to_string()))
        .maybe("SourceIdentity", vouched.source_identity))
}

/// The role, when its trust policy allows all that is asked of it.
fn trusted(call: &mut Unsigned<'_>, vouched: &Vouched) -> Outcome<Target> {
    let arn = call.params.text("RoleArn");
    let account = account_of_role(arn)?;
    call.call.resource = Some(arn.to_owned());
    let role = call.state.seen().accounts.get(account).and_then(|account| account.role_by_arn(arn));
    // One that does not exist is denied like one that does not trust.
    let role = role.ok_or_else(|| denied(vouched.operation))?;
    let target = Target {
        account: account.to_owned(),
        id: role.entity.id.clone(),
        name: role.entity.name.clone(),
        max_session: i64::from(role.max_session),
        trust: role.trust.document.clone(),
    };
    let tags = role.entity.tags.clone();
    let mut context = context(call, vouched);
    resource_tags(&mut context, &tags);
    let caller = Caller { account: target.account.clone(), exact: vec![vouched.provider.clone()], behind: Vec::new() };
    let source = Source { name: "trust policy", document: &target.trust };
    let policies = Policies { resource: Some(ResourcePolicy { source, account, required: true }), ..Policies::default() };
    let needed =
        [Some(vouched.operation), (!vouched.tags.all.is_empty()).then_some("TagSession"), vouched.source_identity.as_ref().map(|_| "SetSourceIdentity")];
    for operation in needed.into_iter().flatten() {
        let action = format!("sts:{operation}");
        let decision = decide(&Request { caller: &caller, action: &action, resource: arn, context: &context }, &policies);
        call.call.decisions.push(Judged::new(&action, arn, &decision, &policies));
        if !decision.allowed() {
            return Err(denied(operation));
        }
    }
    Ok(target)
}

fn context(call: &Unsigned<'_>, vouched: &Vouched) -> Context {
    let mut context = Context::new();
    surroundings(&mut context, call.now, call.peer, "us-east-1");
    context.set("sts:RoleSessionName", vouched.session_name.as_str());
    if let Some(identity) = &vouched.source_identity {
        context.set("sts:SourceIdentity", identity.as_str());
    }
    for tag in &vouched.tags.all {
        context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    context.set_all("aws:TagKeys", vouched.tags.all.iter().map(|tag| tag.key.clone()));
    context.set_all("sts:TransitiveTagKeys", vouched.tags.transitive.iter().cloned());
    for (key, values) in &vouched.keys {
        context.set_all(key, values.iter().cloned());
    }
    context
}

pub(super) fn denied(operation: &str) -> Fault {
    Fault::new("AccessDenied", format!("Not authorized to perform sts:{operation}"))
}

/// What is wrong with a token.
pub(super) fn invalid(message: &str) -> Fault {
    Fault::new("InvalidIdentityToken", message)
}

/// `[a-zA-Z_0-9+=,.@-]{2,64}`
fn session_name(name: &str) -> bool {
    (2..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

fn source_identity(identity: &str) -> Outcome<String> {
    // A colon is not among its characters, so "aws:" needs no look of its own.
    if session_name(identity) {
        return Ok(identity.to_owned());
    }
    Err(invalid("Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\""))
}
