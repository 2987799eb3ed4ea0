//! What is remembered of every call: who asked for what, what came of it, and the statements that decided.
//!
//! The person sees it in the window, CloudTrail tells it, tests read it. No secret is kept: codes, passwords, tokens and
//! assertions are left out of the parameters. The oldest calls are forgotten, so that a long run stays small.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::params::Params;
use crate::policy::{Decision, Document, Effect, Kind, Policies};

/// How many calls are remembered.
const CALLS: usize = 3000;
/// How much of a parameter.
const LONGEST: usize = 2048;
/// How many parameters of a call.
const PARAMS: usize = 60;
/// Parameters that are secrets, or as good as.
const SECRETS: [&str; 8] =
    ["TokenCode", "AuthenticationCode1", "AuthenticationCode2", "Password", "OldPassword", "NewPassword", "SAMLAssertion", "WebIdentityToken"];

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// A UUID.
    pub event_id: String,
    /// When.
    pub at: OffsetDateTime,
    /// As in permissions: `sts`, `iam`, `s3`; `signin` for the federation endpoint.
    pub service: &'static str,
    /// `AssumeRole`
    pub action: String,
    /// As the request said; empty where it was not signed.
    pub access_key_id: String,
    /// Who it was; empty where nobody was recognised.
    pub principal_arn: String,
    /// The caller's account; empty where nobody was recognised.
    pub account_id: String,
    /// What it was about, where the action has a resource.
    pub resource: Option<String>,
    /// Every question that was asked of the policies, in order. The last one is the one that refused.
    pub decisions: Vec<Judged>,
    /// The code of the refusal.
    pub error_code: Option<String>,
    /// The sentence of the refusal.
    pub error_message: Option<String>,
    /// Of the signature.
    pub region: String,
    /// Always this machine.
    pub source_ip: String,
    /// As the client calls itself.
    pub user_agent: String,
    /// The parameters without the secrets among them.
    pub request: Vec<(String, String)>,
    /// Whether it changes nothing.
    pub read_only: bool,
}

/// One question to the policies with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// `sts:AssumeRole`
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// The answer.
    pub allowed: bool,
    /// Every statement that applied.
    pub because: Vec<Reason>,
}

/// One statement that applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The name of an inline policy, the ARN of a managed one, `trust policy`, `session policy`.
    pub policy: String,
    /// Where the policy comes from.
    pub kind: Kind,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Its place in the policy, from 0.
    pub statement: usize,
    /// What it says.
    pub effect: Effect,
    /// The statement as JSON.
    pub text: String,
}

impl Call {
    pub(super) fn new(event_id: String, at: OffsetDateTime) -> Self {
        Self {
            event_id,
            at,
            service: "",
            action: String::new(),
            access_key_id: String::new(),
            principal_arn: String::new(),
            account_id: String::new(),
            resource: None,
            decisions: Vec::new(),
            error_code: None,
            error_message: None,
            region: String::new(),
            source_ip: String::new(),
            user_agent: String::new(),
            request: Vec::new(),
            read_only: false,
        }
    }

    /// What the call asked for.
    pub(super) fn asks(&mut self, service: &'static str, action: &str, params: &Params) {
        self.service = service;
        action.clone_into(&mut self.action);
        self.read_only = ["Get", "List", "Describe", "Lookup", "Simulate", "Validate", "Decode", "Head", "Assume"].iter().any(|verb| action.starts_with(verb));
        let told = params.iter().filter(|(name, _)| !SECRETS.contains(name) && !matches!(*name, "Action" | "Version") && !name.starts_with("X-Amz-"));
        self.request = told.take(PARAMS).map(|(name, value)| (name.to_owned(), value.chars().take(LONGEST).collect())).collect();
    }
}

impl Judged {
    /// The decision with the texts of the statements that made it.
    pub(super) fn new(action: &str, resource: &str, decision: &Decision, policies: &Policies<'_>) -> Self {
        let text = |kind: Kind, name: &str, index: usize| {
            let documents: Vec<(&str, &Document)> = match kind {
                Kind::Identity => policies.identity.iter().map(|source| (source.name, source.document)).collect(),
                Kind::Boundary => policies.boundary.iter().map(|source| (source.name, source.document)).collect(),
                Kind::Session => policies.session.iter().flatten().map(|source| (source.name, source.document)).collect(),
                Kind::Resource => policies.resource.iter().map(|policy| (policy.source.name, policy.source.document)).collect(),
            };
            let statement = documents.into_iter().find(|(own, _)| *own == name).and_then(|(_, document)| document.statements.get(index));
            statement.map(|statement| statement.text.to_string()).unwrap_or_default()
        };
        let because = decision.because.iter().map(|matched| Reason {
            text: text(matched.kind, &matched.policy, matched.statement),
            policy: matched.policy.clone(),
            kind: matched.kind,
            sid: matched.sid.clone(),
            statement: matched.statement,
            effect: matched.effect,
        });
        Self { action: action.to_owned(), resource: resource.to_owned(), allowed: decision.allowed(), because: because.collect() }
    }
}

/// The last calls, oldest first.
#[derive(Default)]
pub(super) struct Calls {
    last: VecDeque<Call>,
    /// How many there ever were.
    pub(super) count: u64,
}

impl Calls {
    pub(super) fn record(&mut self, call: Call) {
        if self.last.len() == CALLS {
            self.last.pop_front();
        }
        self.count += 1;
        self.last.push_back(call);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.last.iter()
    }
}
