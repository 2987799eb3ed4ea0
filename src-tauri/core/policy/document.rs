//! Policy documents as data. The grammar, with AWS's own complaints, is in `grammar`.
//!
//! A [`Document`] keeps the text it came from, because IAM gives back what was put in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{condition::Condition, grammar, json};

/// What a document is for: it decides which elements it must and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// On a user, group or role, as a boundary, or given with a session: no principal.
    Identity,
    /// Who may assume a role: a principal, no resource.
    Trust,
    /// On a bucket, a queue, a key: a principal and a resource.
    Resource,
}

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// What is wrong with a document, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Malformed {
    fn no_json() -> Self {
        Self("This policy contains invalid Json".to_owned())
    }

    /// Whether it is not even JSON.
    pub fn is_no_json(&self) -> bool {
        *self == Self::no_json()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A list that applies, or one that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listed {
    /// `Action`, `Resource`
    In(Vec<String>),
    /// `NotAction`, `NotResource`
    NotIn(Vec<String>),
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// Accounts, users, roles and their sessions.
    Aws,
    /// `ec2.amazonaws.com`
    Service,
    /// SAML and OIDC providers.
    Federated,
    /// Of S3.
    CanonicalUser,
}

/// One principal of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalName {
    /// Which kind.
    pub kind: PrincipalKind,
    /// ARN, account, unique ID, service, provider, or `*`.
    pub name: String,
}

/// `Principal` and `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Principals {
    /// Identity policies have none.
    Absent,
    /// `Principal`; `"*"` is the AWS principal `*`.
    In(Vec<PrincipalName>),
    /// `NotPrincipal`
    NotIn(Vec<PrincipalName>),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// `Sid`
    pub sid: Option<String>,
    /// `Effect`
    pub effect: Effect,
    /// Whom it is about.
    pub principals: Principals,
    /// What it is about.
    pub actions: Listed,
    /// Where; `None` in trust policies.
    pub resources: Option<Listed>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// The statement by itself, as JSON with its elements in the customary order.
    pub text: Box<str>,
}

/// A parsed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    text: String,
    /// Whether `${…}` means something: from version 2012-10-17 on.
    pub variables: bool,
    /// In the order of the text.
    pub statements: Vec<Statement>,
}

impl Document {
    /// Parses a document and says in AWS's words what is wrong with it.
    pub fn parse(text: &str, shape: Shape) -> Result<Self, Malformed> {
        let json = json::parse(text).ok_or_else(Malformed::no_json)?;
        let (variables, statements) = grammar::document(&json, shape)?;
        Ok(Self { text: text.to_owned(), variables, statements })
    }

    /// A policy that says nothing.
    pub const fn empty() -> Self {
        Self { text: String::new(), variables: false, statements: Vec::new() }
    }

    /// Every resource that is named.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| match &statement.resources {
            Some(Listed::In(names) | Listed::NotIn(names)) => names.iter().map(String::as_str).collect::<Vec<_>>(),
            None => Vec::new(),
        })
    }

    /// As it was put in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The length that counts against IAM's limits: without white space.
    pub fn size(&self) -> usize {
        self.text.chars().filter(|c| !c.is_whitespace()).count()
    }

    /// Every principal that is named, to look it up or to replace it by its unique ID.
    pub fn principals_mut(&mut self) -> impl Iterator<Item = &mut PrincipalName> {
        self.statements.iter_mut().flat_map(|statement| match &mut statement.principals {
            Principals::In(names) | Principals::NotIn(names) => names.as_mut_slice(),
            Principals::Absent => &mut [],
        })
    }
}
