//! The one place that says what a caller may do: it gathers the policies that have a say and asks `core/policy`.
//!
//! The denial is AWS's sentence, with the reason that AWS gives. Root may do everything that its kind of credentials may.

use std::sync::LazyLock;

use super::{
    caller::{Principal, Who},
    decode,
    fault::{Fault, Outcome},
    iam::entities::spoken,
    record::Judged,
    session::SessionKind,
    state::{Account, Entity, State},
    table::Api,
};
use crate::policy::{self, Caller, Context, Document, Kind, Policies, Request, ResourcePolicy, Shape, Source, decide};

/// Root's policy.
static EVERYTHING: LazyLock<Option<Document>> =
    LazyLock::new(|| Document::parse(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, Shape::Identity).ok());
/// What an account's password policy can grant to all of its users. A user asks for no other password than its own.
static OWN_PASSWORD: LazyLock<Option<Document>> = LazyLock::new(|| {
    let actions = r#"["iam:ChangePassword","iam:GetAccountPasswordPolicy"]"#;
    Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{actions},"Resource":"*"}}}}"#), Shape::Identity).ok()
});
/// What a boundary that was deleted leaves.
static NOTHING: LazyLock<Option<Document>> =
    LazyLock::new(|| Document::parse(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}"#, Shape::Identity).ok());

/// Of a bucket that has none.
static EMPTY: LazyLock<Document> = LazyLock::new(Document::empty);

/// What no policy can allow: operations that a kind of credentials cannot call.
pub(super) fn gate(principal: &Principal, service: Api, action: &str) -> Outcome<()> {
    let Some(session) = &principal.session else { return Ok(()) };
    match (service, session.kind) {
        (Api::Iam, SessionKind::Token) if session.mfa_at.is_none() => Err(super::authenticate::invalid_token()),
        (Api::Iam, SessionKind::Federated) => Err(super::authenticate::invalid_token()),
        (Api::Sts, SessionKind::Token | SessionKind::Role | SessionKind::Federated) if matches!(action, "GetSessionToken" | "GetFederationToken") => {
            Err(Fault::new("AccessDenied", format!("Cannot call {action} with session credentials")))
        }
        (Api::Sts, SessionKind::Token) if !matches!(action, "AssumeRole" | "GetCallerIdentity") => {
            Err(Fault::new("AccessDenied", format!("Cannot call {action} with session credentials")))
        }
        (Api::Sts, SessionKind::Federated) if action != "GetCallerIdentity" => {
            Err(Fault::new("AccessDenied", format!("Cannot call {action} with federation credentials")))
        }
        (_, SessionKind::Token | SessionKind::Role | SessionKind::Federated) => Ok(()),
    }
}

/// A question about one action on one resource.
pub(super) struct Question<'a> {
    pub(super) principal: &'a Principal,
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) context: &'a Context,
    pub(super) guard: Guard<'a>,
}

/// The policy of the resource, with the account that it is in.
#[derive(Clone, Copy)]
pub(super) enum Guard<'a> {
    Nothing,
    /// A role's: it must allow in any case.
    Trust(&'a Document, &'a str),
    /// A bucket's: within the account it may allow, across accounts it must.
    Bucket(Option<&'a Document>, &'a str),
}

impl<'a> Guard<'a> {
    /// The account of the resource.
    pub(super) const fn owner(&self) -> Option<&'a str> {
        match self {
            Self::Nothing => None,
            Self::Trust(_, owner) | Self::Bucket(_, owner) => Some(owner),
        }
    }

    fn policy(&self) -> Option<ResourcePolicy<'a>> {
        let (name, document, account, required) = match self {
            Self::Nothing => return None,
            Self::Trust(document, account) => ("trust policy", *document, *account, true),
            Self::Bucket(Some(document), account) => ("bucket policy", *document, *account, false),
            Self::Bucket(None, account) => ("bucket policy", &*EMPTY, *account, false),
        };
        Some(ResourcePolicy { source: Source { name, document }, account, required })
    }
}

/// The answer to a question.
pub(super) struct Verdict {
    /// For the record.
    pub(super) judged: Judged,
    /// AWS's denial, and what it says in secret.
    pub(super) denial: Option<(Fault, Option<serde_json::Value>)>,
}

/// Asks every policy that has a say.
pub(super) fn authorize(state: &State, question: &Question<'_>) -> Outcome<Verdict> {
    if question.principal.who == Who::Nobody {
        return Ok(anonymous(question));
    }
    let Some(account) = state.seen().accounts.get(&question.principal.account) else { return Err(super::authenticate::invalid_token()) };
    let (entity, groups) = match &question.principal.who {
        Who::Nobody | Who::Root => (None, Vec::new()),
        Who::User(name) => (account.users.get(name).map(|user| &user.entity), account.groups_of(name).map(|group| &group.entity).collect()),
        Who::Role(name) => (account.roles.get(name).map(|role| &role.entity), Vec::new()),
    };
    let session = session_policies(state, question.principal);
    let mut policies = Policies::default();
    if question.principal.who == Who::Root {
        policies.identity.extend(EVERYTHING.as_ref().map(|document| Source { name: "root", document }));
    }
    let may_change = account.password_policy.as_ref().is_some_and(|policy| policy.users_may_change);
    if may_change && matches!(question.principal.who, Who::User(_)) {
        policies.identity.extend(OWN_PASSWORD.as_ref().map(|document| Source { name: "password policy", document }));
    }
    for entity in entity.into_iter().chain(groups) {
        policies.identity.extend(identity(state, account, entity));
    }
    if let Some(arn) = entity.and_then(|entity| entity.boundary.as_deref()) {
        let document = managed(state, account, arn).or(NOTHING.as_ref());
        policies.boundary = document.map(|document| Source { name: arn, document });
    }
    policies.session = session.as_ref().map(|documents| documents.iter().map(|(name, document)| Source { name, document }).collect());
    policies.resource = question.guard.policy();
    let caller = question.principal.caller(account);
    let decision = decide(&Request { caller: &caller, action: question.action, resource: question.resource, context: question.context }, &policies);
    let denial = (!decision.allowed()).then(|| (denied(question, account, decision.outcome), Some(decode::told(question, account, &decision, &policies))));
    Ok(Verdict { judged: Judged::new(question.action, question.resource, &decision, &policies), denial })
}

/// Nobody has no policies: the resource's alone decides, as if it were in the same account, and nothing is told of why not.
fn anonymous(question: &Question<'_>) -> Verdict {
    let account = question.principal.account.as_str();
    let caller = Caller { account: account.to_owned(), exact: Vec::new(), behind: Vec::new() };
    let policies = Policies { resource: question.guard.policy().map(|policy| ResourcePolicy { account, ..policy }), ..Policies::default() };
    let decision = decide(&Request { caller: &caller, action: question.action, resource: question.resource, context: question.context }, &policies);
    let denial = (!decision.allowed()).then(|| (Fault::new("AccessDenied", "Access Denied"), None));
    Verdict { judged: Judged::new(question.action, question.resource, &decision, &policies), denial }
}

pub(super) fn identity<'a>(state: &'a State, account: &'a Account, entity: &'a Entity) -> Vec<Source<'a>> {
    let inline = entity.inline.iter().map(|(name, document)| Source { name, document });
    let attached = entity.attached.iter().filter_map(|arn| managed(state, account, arn).map(|document| Source { name: arn, document }));
    inline.chain(attached).collect()
}

pub(super) fn managed<'a>(state: &'a State, account: &'a Account, arn: &str) -> Option<&'a Document> {
    state.policy(account, arn).and_then(super::state::ManagedPolicy::document)
}

/// `None`: nothing narrows the session. A federated user without a policy may do nothing.
fn session_policies(state: &State, principal: &Principal) -> Option<Vec<(String, Document)>> {
    let session = principal.session.as_ref()?;
    if session.policies.is_empty() && session.managed.is_empty() && session.kind != SessionKind::Federated {
        return None;
    }
    let inline = session.policies.iter().filter_map(|text| Document::parse(text, Shape::Identity).ok()).map(|document| ("session policy".to_owned(), document));
    let account = state.seen().accounts.get(&principal.account)?;
    let managed = session.managed.iter().filter_map(|arn| managed(state, account, arn).map(|document| (arn.clone(), document.clone())));
    Some(inline.chain(managed).collect())
}

fn denied(question: &Question<'_>, account: &Account, outcome: policy::Outcome) -> Fault {
    let action = question.action;
    let kind = |kind| match kind {
        Kind::Identity => "identity-based policy",
        Kind::Boundary => "permissions boundary",
        Kind::Session => "session policy",
        Kind::Resource => "resource-based policy",
    };
    let reason = match outcome {
        policy::Outcome::ExplicitDeny(Kind::Resource) if matches!(question.guard, Guard::Trust(..)) => {
            " with an explicit deny in the role trust policy".to_owned()
        }
        policy::Outcome::ExplicitDeny(Kind::Identity) => " with an explicit deny in an identity-based policy".to_owned(),
        policy::Outcome::ExplicitDeny(from) => format!(" with an explicit deny in a {}", kind(from)),
        // STS does not say what is missing, so that a role of somebody else cannot be probed.
        policy::Outcome::ImplicitDeny(_) if matches!(question.guard, Guard::Trust(..)) => String::new(),
        policy::Outcome::ImplicitDeny(from) => format!(" because no {} allows the {action} action", kind(from)),
        policy::Outcome::Allowed => String::new(),
    };
    let arn = question.principal.arn(account);
    Fault::new("AccessDenied", format!("User: {arn} is not authorized to perform: {action} on resource: {}{reason}", spoken(action, question.resource)))
}
