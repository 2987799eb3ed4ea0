//! The decision: explicit deny, then allow, then implicit deny.
//!
//! Within one account a resource's policy that names the user (or the session) grants by itself; one that names the account
//! leaves it to the identity policies; one that names a role grants to its sessions, but their session policies and the
//! role's boundary still narrow it. Across accounts both sides must allow. A role's trust policy must allow in any case.

use super::{
    context::Context,
    document::{Document, Effect, Listed, PrincipalKind, PrincipalName, Principals, Statement},
    pattern::{Pattern, names_action},
};

/// Who asks, by all the names that policies may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// 12 digits.
    pub account: String,
    /// The names of exactly this caller: a user's ARN and unique ID, a session's ARN.
    pub exact: Vec<String>,
    /// The names of what the caller's session belongs to: a role's ARN and unique ID, a federated user's user.
    pub behind: Vec<String>,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the user, its groups, or the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Given with the session.
    Session,
    /// On the resource: for a role, its trust policy.
    Resource,
}

/// A policy with its name.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The name a person knows it by.
    pub name: &'a str,
    /// What it says.
    pub document: &'a Document,
}

/// The policy of the resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourcePolicy<'a> {
    /// It.
    pub source: Source<'a>,
    /// The account that owns the resource.
    pub account: &'a str,
    /// Whether it must allow even within the account, as a role's trust policy must.
    pub required: bool,
}

/// Everything that has a say. `None` differs from empty: no boundary narrows nothing, an empty one allows nothing.
#[derive(Clone, Debug, Default)]
pub struct Policies<'a> {
    /// Any of them may allow.
    pub identity: Vec<Source<'a>>,
    /// Must allow too.
    pub boundary: Option<Source<'a>>,
    /// One of them must allow too.
    pub session: Option<Vec<Source<'a>>>,
    /// See [`ResourcePolicy`].
    pub resource: Option<ResourcePolicy<'a>>,
}

impl<'a> Policies<'a> {
    /// The statement that applied.
    pub fn statement(&self, matched: &Matched) -> Option<&'a Statement> {
        let source = match matched.kind {
            Kind::Identity => self.identity.get(matched.source).copied(),
            Kind::Boundary => self.boundary,
            Kind::Session => self.session.as_ref().and_then(|sources| sources.get(matched.source).copied()),
            Kind::Resource => self.resource.map(|policy| policy.source),
        };
        source?.document.statements.get(matched.statement)
    }
}

/// The question.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// `service:Action`
    pub action: &'a str,
    /// An ARN, or `*`.
    pub resource: &'a str,
    /// What else is known.
    pub context: &'a Context,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes.
    Allowed,
    /// A statement says no.
    ExplicitDeny(Kind),
    /// Nothing of this kind says yes.
    ImplicitDeny(Kind),
}

/// A statement that applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The name of its policy.
    pub policy: String,
    /// Where the policy comes from.
    pub kind: Kind,
    /// The place of the policy among those of its kind, from 0: two may have one name, a user's and a group's.
    pub source: usize,
    /// Its place in the policy, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// What it says.
    pub effect: Effect,
}

/// The answer with the statements that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub outcome: Outcome,
    /// Every statement that applied to the request.
    pub because: Vec<Matched>,
}

impl Decision {
    /// Yes.
    pub fn allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }
}

/// How directly a policy names a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Account,
    Behind,
    Exactly,
}

/// Decides.
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let mut because = Vec::new();
    let mut scan = |kind, sources: &[Source<'_>]| -> Option<Named> {
        let mut granted = None;
        for (place, source) in sources.iter().enumerate() {
            for (index, statement) in source.document.statements.iter().enumerate() {
                let Some(named) = applies(statement, request, source.document.variables) else { continue };
                if statement.effect == Effect::Allow {
                    granted = granted.max(Some(named));
                }
                because.push(Matched {
                    policy: source.name.to_owned(),
                    kind,
                    source: place,
                    statement: index,
                    sid: statement.sid.clone(),
                    effect: statement.effect,
                });
            }
        }
        granted
    };
    let identity = scan(Kind::Identity, &policies.identity).is_some();
    let boundary = policies.boundary.is_none_or(|source| scan(Kind::Boundary, &[source]).is_some());
    let session = policies.session.as_ref().is_none_or(|sources| scan(Kind::Session, sources).is_some());
    let resource = policies.resource.and_then(|policy| scan(Kind::Resource, &[policy.source]));
    let outcome = match because.iter().find(|matched| matched.effect == Effect::Deny) {
        Some(denied) => Outcome::ExplicitDeny(denied.kind),
        None => outcome(request, policies.resource, (identity, boundary, session, resource)),
    };
    Decision { outcome, because }
}

fn outcome(request: &Request<'_>, policy: Option<ResourcePolicy<'_>>, (identity, boundary, session, resource): (bool, bool, bool, Option<Named>)) -> Outcome {
    let mut granted_by_resource = false;
    if let Some(policy) = policy {
        let same_account = policy.account == request.caller.account;
        if resource.is_none() && (policy.required || !same_account) {
            return Outcome::ImplicitDeny(Kind::Resource);
        }
        if same_account {
            if resource == Some(Named::Exactly) {
                return Outcome::Allowed;
            }
            granted_by_resource = resource == Some(Named::Behind);
        }
    }
    if !identity && !granted_by_resource {
        Outcome::ImplicitDeny(Kind::Identity)
    } else if !boundary {
        Outcome::ImplicitDeny(Kind::Boundary)
    } else if !session {
        Outcome::ImplicitDeny(Kind::Session)
    } else {
        Outcome::Allowed
    }
}

/// Whether a statement is about the request, and how directly it names the caller.
fn applies(statement: &Statement, request: &Request<'_>, variables: bool) -> Option<Named> {
    let how = match &statement.principals {
        Principals::Absent => Named::Exactly,
        Principals::In(names) => names.iter().filter_map(|name| names_caller(name, request.caller)).max()?,
        Principals::NotIn(names) if exempts(names, request.caller, statement.effect) => return None,
        Principals::NotIn(_) => Named::Behind,
    };
    let action = match &statement.actions {
        Listed::In(names) => names.iter().any(|name| names_action(name, request.action)),
        Listed::NotIn(names) => !names.iter().any(|name| names_action(name, request.action)),
    };
    let about = |name: &String| Pattern::expand(name, request.context, true, variables).is_some_and(|pattern| pattern.matches_resource(request.resource));
    let resource = match &statement.resources {
        None => true,
        Some(Listed::In(names)) => names.iter().any(about),
        Some(Listed::NotIn(names)) => !names.iter().any(about),
    };
    (action && resource && statement.conditions.iter().all(|condition| condition.holds(request.context, variables))).then_some(how)
}

/// Whether `NotPrincipal` leaves the caller out. From an allow, by any of the caller's names. From a deny only where every
/// layer is named: the account, and the user; the account, the role, and its session.
fn exempts(names: &[PrincipalName], caller: &Caller, effect: Effect) -> bool {
    let named = |wanted: Named| names.iter().filter_map(|name| names_caller(name, caller)).any(|named| named == wanted);
    let everybody = names.iter().any(|name| name.kind == PrincipalKind::Aws && name.name == "*");
    match effect {
        Effect::Allow => names.iter().any(|name| names_caller(name, caller).is_some()),
        Effect::Deny if everybody => true,
        Effect::Deny if caller.exact.iter().any(|own| is_root_of(own, &caller.account)) => named(Named::Account),
        Effect::Deny => named(Named::Account) && named(Named::Exactly) && (caller.behind.is_empty() || named(Named::Behind)),
    }
}

fn names_caller(name: &PrincipalName, caller: &Caller) -> Option<Named> {
    let text = name.name.as_str();
    match name.kind {
        PrincipalKind::Aws if text == "*" => Some(Named::Behind),
        PrincipalKind::Aws if text == caller.account || is_root_of(text, &caller.account) => Some(Named::Account),
        PrincipalKind::Aws | PrincipalKind::Service | PrincipalKind::Federated | PrincipalKind::CanonicalUser => {
            if caller.exact.iter().any(|own| own == text) {
                Some(Named::Exactly)
            } else {
                caller.behind.iter().any(|own| own == text).then_some(Named::Behind)
            }
        }
    }
}

fn is_root_of(arn: &str, account: &str) -> bool {
    matches!(arn.splitn(6, ':').collect::<Vec<_>>().as_slice(), ["arn", _, "iam", "", id, "root"] if *id == account)
}
