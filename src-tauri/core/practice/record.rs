//! What is remembered of every call: who asked for what, what came of it, and the statements that decided.
//!
//! The person sees it in the window, CloudTrail tells it, tests read it. No secret is kept: codes, passwords, tokens and
//! assertions are left out of the parameters. The oldest calls are forgotten, so that a long run stays small.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::{fault::Fault, params::Params, table::Action, xml::Xml};
use crate::policy::{Decision, Effect, Kind, Policies};

/// How many calls are remembered.
const CALLS: usize = 3000;
/// How much of a parameter.
const LONGEST: usize = 2048;
/// How much of a name.
const LONGEST_NAME: usize = 256;
/// How many parameters of a call.
const PARAMS: usize = 60;
/// How many statements of a decision.
const REASONS: usize = 40;
/// How much of it all, in bytes: whoever sends long things pushes out what is old.
const WEIGHT: usize = 16 << 20;

/// What an answer has of secrets, or as good as.
const TOLD_ONCE: [&str; 6] = ["SecretAccessKey", "SessionToken", "Base32StringSeed", "QRCodePNG", "SessionTokenSize", "SessionTokenUtilization"];
/// How much of an answer; a longer one is left out.
const LONGEST_ANSWER: usize = 4096;
/// What only reads and is answered with something new all the same.
const ISSUING: [&str; 3] = ["AssumeRole", "GetSessionToken", "GetFederationToken"];

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// A UUID.
    pub event_id: String,
    /// As the answer had it; empty where it had none.
    pub request_id: String,
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
    /// The unique ID behind the ARN, with the session's name.
    pub principal_id: String,
    /// With temporary credentials.
    pub session: Option<Box<Session>>,
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
    /// The elements of the answer without the secrets among them, of calls that made something.
    pub response: Option<Box<str>>,
    /// Whether it changes nothing.
    pub read_only: bool,
}

/// What temporary credentials say of where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose they are; GetSessionToken gives a user its own.
    pub issuer: Option<Issuer>,
    /// When they were issued.
    pub since: OffsetDateTime,
    /// Whether an MFA code was given.
    pub mfa: bool,
    /// Of the whole chain.
    pub source_identity: Option<String>,
    /// The identity provider that vouched.
    pub provider: Option<String>,
}

/// The role or user behind a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// As CloudTrail says it: `Role`, `IAMUser`, `Root`.
    pub kind: &'static str,
    /// Unique.
    pub id: String,
    /// Its own, not the session's.
    pub arn: String,
    /// Of the role or user.
    pub name: String,
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
            request_id: String::new(),
            at,
            service: "",
            action: String::new(),
            access_key_id: String::new(),
            principal_arn: String::new(),
            account_id: String::new(),
            principal_id: String::new(),
            session: None,
            resource: None,
            decisions: Vec::new(),
            error_code: None,
            error_message: None,
            region: String::new(),
            source_ip: String::new(),
            user_agent: String::new(),
            request: Vec::new(),
            response: None,
            read_only: false,
        }
    }

    /// What the call asked for. Of its parameters the secrets are left out, as the table names them.
    pub(super) fn asks(&mut self, action: &Action, params: &Params) {
        self.named(action.service.prefix(), action.name);
        let secret = |name: &str| action.fields.iter().any(|field| field.is_secret() && field.has(name));
        let told = params.iter().filter(|(name, _)| !matches!(*name, "Action" | "Version") && !name.starts_with("X-Amz-") && !secret(name));
        self.request = told.take(PARAMS).map(|(name, value)| (cut(name, LONGEST_NAME), cut(value, LONGEST))).collect();
    }

    pub(super) fn named(&mut self, service: &'static str, action: &str) {
        self.service = service;
        action.clone_into(&mut self.action);
        self.read_only = ["Get", "List", "Describe", "Lookup", "Simulate", "Validate", "Decode", "Head", "Assume"].iter().any(|verb| action.starts_with(verb));
    }

    /// How it ended. What was secret in the request is not repeated by the sentence, which may name a wrong value.
    pub(super) fn refused(&mut self, fault: &Fault, action: Option<&Action>, params: &Params) {
        let mut message = fault.message.clone();
        for field in action.iter().flat_map(|action| action.fields).filter(|field| field.is_secret()) {
            for (_, value) in params.iter().filter(|(name, value)| field.has(name) && !value.is_empty()) {
                message = message.replace(value, "…");
            }
        }
        (self.error_code, self.error_message) = (Some(fault.code.clone()), Some(message));
    }

    /// Cuts whatever came from outside; gives what is left, in bytes.
    fn slim(&mut self) -> usize {
        for text in [&mut self.access_key_id, &mut self.region, &mut self.user_agent, &mut self.action, &mut self.principal_arn] {
            shorten(text, LONGEST_NAME);
        }
        for text in self.resource.iter_mut().chain(&mut self.error_message).chain(self.decisions.iter_mut().map(|judged| &mut judged.resource)) {
            shorten(text, LONGEST);
        }
        for judged in &mut self.decisions {
            judged.because.truncate(REASONS);
            for reason in &mut judged.because {
                shorten(&mut reason.text, LONGEST);
            }
        }
        let request: usize = self.request.iter().map(|(name, value)| name.len() + value.len()).sum();
        let reasons = self.decisions.iter().flat_map(|judged| &judged.because).map(|reason| reason.text.len() + reason.policy.len() + 64);
        // The rest of it, roughly.
        1024 + request + self.response.as_deref().map_or(0, str::len) + reasons.sum::<usize>() + self.error_message.as_ref().map_or(0, String::len)
    }

    /// What was answered.
    pub(super) fn answered(&mut self, elements: &Xml) {
        let made = !self.read_only || ISSUING.iter().any(|name| self.action.starts_with(name));
        self.response = Some(elements).filter(|elements| made && !elements.is_empty()).map(|elements| elements.without(&TOLD_ONCE));
        self.response.take_if(|told| told.len() > LONGEST_ANSWER);
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        *text = cut(text, most);
    }
}

impl Judged {
    /// The decision with the texts of the statements that made it.
    pub(super) fn new(action: &str, resource: &str, decision: &Decision, policies: &Policies<'_>) -> Self {
        let because = decision.because.iter().map(|matched| Reason {
            text: policies.statement(matched).map(|statement| statement.text.to_string()).unwrap_or_default(),
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
    last: VecDeque<(usize, Call)>,
    weight: usize,
    /// How many there ever were.
    pub(super) count: u64,
}

impl Calls {
    pub(super) fn record(&mut self, mut call: Call) {
        let weight = call.slim();
        self.weight += weight;
        self.last.push_back((weight, call));
        self.count += 1;
        while self.last.len() > CALLS || self.weight > WEIGHT {
            let Some((weight, _)) = self.last.pop_front() else { break };
            self.weight -= weight;
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.last.iter().map(|(_, call)| call)
    }
}
