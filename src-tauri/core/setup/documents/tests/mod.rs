//! The documents judged by IAM's own rules: each is read by the grammar and decided on.
//!
//! A caller, a call and its condition keys go in; yes or no comes out. So a test says who may do what, and not how it is written.

mod checks;
mod edits;
mod grants;
mod trusts;

use crate::policy::{Caller, Context, Document, Policies, Request, ResourcePolicy, Shape, Source, decide};

pub(super) const OWN: &str = "111122223333";
pub(super) const OTHER: &str = "444455556666";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";

/// The condition keys of a call.
pub(super) fn context(keys: &[(&str, &str)]) -> Context {
    let mut context = Context::new();
    let mut tags = Vec::new();
    for (key, value) in keys {
        context.set(key, *value);
        tags.extend(key.strip_prefix("aws:RequestTag/").map(str::to_owned));
    }
    context.set_all("aws:TagKeys", tags);
    context
}

/// A user, or whatever has this ARN.
pub(super) fn caller(arn: &str) -> Caller {
    let account = arn.split(':').nth(4).filter(|id| id.len() == 12).unwrap_or("-");
    Caller { account: account.to_owned(), exact: vec![arn.to_owned()], behind: Vec::new() }
}

/// Whether an identity policy alone allows it.
pub(super) fn may(policy: &str, arn: &str, action: &str, resource: &str, keys: &[(&str, &str)]) -> bool {
    let document = Document::parse(policy, Shape::Identity).unwrap_or_else(|error| panic!("{policy}: {error}"));
    let policies = Policies { identity: vec![Source { name: "it", document: &document }], ..Policies::default() };
    decide(&Request { caller: &caller(arn), action, resource, context: &context(keys) }, &policies).allowed()
}

/// Whether a trust policy lets somebody in who may do everything by their own policies.
pub(super) fn lets(trust: &str, arn: &str, action: &str, keys: &[(&str, &str)]) -> bool {
    let document = Document::parse(trust, Shape::Trust).unwrap_or_else(|error| panic!("{trust}: {error}"));
    let all = Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, Shape::Identity).unwrap();
    let resource = ResourcePolicy { source: Source { name: "trust", document: &document }, account: OWN, required: true };
    let policies = Policies { identity: vec![Source { name: "all", document: &all }], resource: Some(resource), ..Policies::default() };
    decide(&Request { caller: &caller(arn), action, resource: ROLE, context: &context(keys) }, &policies).allowed()
}
