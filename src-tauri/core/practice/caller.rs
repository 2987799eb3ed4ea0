//! Who was authenticated, under all the names that answers, policies and condition keys use.
//!
//! One caller has several: a role's session goes by its own ARN, by its role's ARN and by both unique IDs. Which name grants
//! what is for `core/policy` to say.

use time::OffsetDateTime;

use super::{
    record::{self, Issuer},
    session::{Session, SessionKind},
    state::Account,
};
use crate::policy::{Caller, Context};

/// The account of those who did not sign.
const ANONYMOUS: &str = "anonymous";

/// Which identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody signed.
    Nobody,
    Root,
    /// A user's name.
    User(String),
    /// A role's name.
    Role(String),
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// The account's number.
    pub(super) account: String,
    pub(super) who: Who,
    /// With temporary credentials.
    pub(super) session: Option<Session>,
}

impl Principal {
    /// Whoever does not sign.
    pub(super) fn nobody() -> Self {
        Self { account: ANONYMOUS.to_owned(), who: Who::Nobody, session: None }
    }

    pub(super) fn kind(&self) -> Option<SessionKind> {
        self.session.as_ref().map(|session| session.kind)
    }

    /// The ARN that GetCallerIdentity gives.
    pub(super) fn arn(&self, account: &Account) -> String {
        let id = &self.account;
        match (&self.who, &self.session) {
            (Who::Root | Who::User(_), Some(Session { kind: SessionKind::Federated, name, .. })) => format!("arn:aws:sts::{id}:federated-user/{name}"),
            (Who::Role(role), Some(session)) => format!("arn:aws:sts::{id}:assumed-role/{role}/{}", session.name),
            (Who::Role(_), None) | (Who::Nobody | Who::Root | Who::User(_), Some(_) | None) => self.principal_arn(account),
        }
    }

    /// `aws:PrincipalArn`: of a role, not of its session.
    pub(super) fn principal_arn(&self, account: &Account) -> String {
        match (&self.who, &self.session) {
            (Who::Root | Who::User(_), Some(Session { kind: SessionKind::Federated, .. })) => self.arn(account),
            (Who::Nobody, _) => String::new(),
            (Who::Root, _) => account.root_arn(),
            (Who::User(name), _) => account.users.get(name).map(|user| user.entity.arn.clone()).unwrap_or_default(),
            (Who::Role(name), _) => account.roles.get(name).map(|role| role.entity.arn.clone()).unwrap_or_default(),
        }
    }

    /// The name of the user or role; of root, the account's number.
    pub(super) fn name<'a>(&'a self, account: &'a Account) -> &'a str {
        match (&self.who, &self.session) {
            (Who::Root | Who::User(_), Some(Session { kind: SessionKind::Federated, name, .. })) | (Who::User(name) | Who::Role(name), _) => name,
            (Who::Nobody, _) => ANONYMOUS,
            (Who::Root, _) => &account.id,
        }
    }

    /// `aws:userid`, and `UserId` of GetCallerIdentity.
    pub(super) fn user_id(&self, account: &Account) -> String {
        match (&self.who, &self.session) {
            (Who::Root | Who::User(_), Some(Session { kind: SessionKind::Federated, name, .. })) => format!("{}:{name}", self.account),
            (Who::Role(_), Some(session)) => format!("{}:{}", session.of, session.name),
            (Who::Nobody | Who::Root, _) => self.account.clone(),
            (Who::User(name), _) => account.users.get(name).map(|user| user.entity.id.clone()).unwrap_or_default(),
            (Who::Role(name), None) => account.roles.get(name).map(|role| role.entity.id.clone()).unwrap_or_default(),
        }
    }

    /// As the policy language knows callers.
    pub(super) fn caller(&self, account: &Account) -> Caller {
        let names = |entity: Option<&super::state::Entity>| entity.map(|entity| vec![entity.arn.clone(), entity.id.clone()]).unwrap_or_default();
        let federated = self.kind() == Some(SessionKind::Federated);
        let (exact, behind) = match &self.who {
            Who::Nobody => (Vec::new(), Vec::new()),
            Who::Root if federated => (vec![self.arn(account)], vec![account.root_arn()]),
            Who::Root => (vec![account.root_arn()], Vec::new()),
            Who::User(name) if federated => (vec![self.arn(account)], names(account.users.get(name).map(|user| &user.entity))),
            Who::User(name) => (names(account.users.get(name).map(|user| &user.entity)), Vec::new()),
            Who::Role(name) => (vec![self.arn(account)], names(account.roles.get(name).map(|role| &role.entity))),
        };
        Caller { account: self.account.clone(), exact, behind }
    }

    /// What the record tells of the caller's session.
    pub(super) fn told(&self, account: &Account) -> Option<Box<record::Session>> {
        let session = self.session.as_ref()?;
        let entity = match &self.who {
            Who::Nobody | Who::Root => None,
            Who::User(name) => account.users.get(name).map(|user| ("IAMUser", &user.entity)),
            Who::Role(name) => account.roles.get(name).map(|role| ("Role", &role.entity)),
        };
        let issuer = match entity {
            Some((kind, entity)) => Issuer { kind, id: entity.id.clone(), arn: entity.arn.clone(), name: entity.name.clone() },
            None => Issuer { kind: "Root", id: account.id.clone(), arn: account.root_arn(), name: account.id.clone() },
        };
        Some(Box::new(record::Session {
            issuer: Some(issuer).filter(|_| session.kind != SessionKind::Token),
            since: session.issued,
            mfa: session.mfa_at.is_some(),
            source_identity: session.source_identity.clone(),
            provider: session.origin.as_ref().map(|origin| origin.provider.clone()),
        }))
    }

    /// The condition keys that the caller brings along.
    pub(super) fn context(&self, account: &Account, now: OffsetDateTime) -> Context {
        let mut context = Context::new();
        context.set("aws:PrincipalArn", self.principal_arn(account));
        context.set("aws:PrincipalAccount", self.account.as_str());
        context.set("aws:userid", self.user_id(account));
        context.set("aws:PrincipalIsAWSService", "false");
        let (kind, tags) = match &self.who {
            Who::Nobody => return unsigned(),
            Who::Root => ("Account", &[][..]),
            Who::User(name) => {
                context.set("aws:username", name.as_str());
                ("User", account.users.get(name).map(|user| user.entity.tags.as_slice()).unwrap_or_default())
            }
            Who::Role(name) => ("AssumedRole", account.roles.get(name).map(|role| role.entity.tags.as_slice()).unwrap_or_default()),
        };
        for tag in tags {
            context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
        }
        context.set("aws:PrincipalType", kind);
        let Some(session) = &self.session else { return context };
        if session.kind == SessionKind::Federated {
            context.remove("aws:username");
            context.set("aws:PrincipalType", "FederatedUser");
        }
        // A session's tags win over those of the role.
        for tag in &session.tags {
            context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
        }
        if let Some(origin) = &session.origin {
            context.set("aws:FederatedProvider", origin.provider.as_str());
            for (key, values) in &origin.keys {
                context.set_all(key, values.iter().cloned());
            }
        }
        context.set("aws:TokenIssueTime", super::time_text(session.issued));
        context.set("aws:MultiFactorAuthPresent", if session.mfa_at.is_some() { "true" } else { "false" });
        if let Some(at) = session.mfa_at {
            context.set("aws:MultiFactorAuthAge", (now - at).whole_seconds().max(0).to_string());
        }
        if let Some(identity) = &session.source_identity {
            context.set("aws:SourceIdentity", identity.as_str());
        }
        context
    }
}

/// The condition keys of those who did not sign.
pub(super) fn unsigned() -> Context {
    let mut context = Context::new();
    for (key, value) in
        [("aws:PrincipalAccount", ANONYMOUS), ("aws:PrincipalType", "Anonymous"), ("aws:userid", ANONYMOUS), ("aws:PrincipalIsAWSService", "false")]
    {
        context.set(key, value);
    }
    context
}
