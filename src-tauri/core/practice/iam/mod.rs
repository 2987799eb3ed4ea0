//! The operations of IAM, a file for each kind of thing, and what they share: looking up, targets, pages, tags.
//!
//! Each file lists its rows of the table of actions beside the functions that run them. A missing thing is `NoSuchEntity`, a
//! taken name `EntityAlreadyExists`, something in use `DeleteConflict`.

mod account;
mod attached;
pub(super) mod aws_policies;
mod details;
mod devices;
pub(super) mod entities;
mod groups;
mod inline;
mod instance_profiles;
mod keys;
mod managed;
mod oidc_providers;
mod pages;
mod passwords;
mod providers;
mod report;
mod roles;
mod saml_providers;
mod service_linked;
mod simulate;
mod tags;
pub(super) mod trust;
mod users;

use percent_encoding::utf8_percent_encode;

use self::{
    entities::{SERVICES, changed, modifiable, new_entity, owned, owned_mut},
    pages::page,
};
use super::{
    authenticate::UNRESERVED,
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    state::{Entity, Owner},
    table::{Action, everything},
    xml::Xml,
};
use crate::{
    model::params::SessionTag,
    policy::{Document, Malformed, Shape},
};

/// Every row of IAM.
pub(super) static ACTIONS: [&[Action]; 17] = [
    users::ACTIONS,
    keys::ACTIONS,
    groups::ACTIONS,
    roles::ACTIONS,
    inline::ACTIONS,
    managed::ACTIONS,
    attached::ACTIONS,
    devices::ACTIONS,
    account::ACTIONS,
    simulate::ACTIONS,
    instance_profiles::ACTIONS,
    passwords::ACTIONS,
    report::ACTIONS,
    details::ACTIONS,
    service_linked::ACTIONS,
    saml_providers::ACTIONS,
    oidc_providers::ACTIONS,
];

const USER_NAME: Rule = text(1, 64, Chars::Name);
const NAME: Rule = text(1, 128, Chars::Name);
const PATH: Rule = text(1, 512, Chars::Path);
const POLICY_ARN: Rule = text(20, 2048, Chars::Free);
const DOCUMENT: Rule = text(1, 131_072, Chars::Policy);
const DESCRIPTION: Rule = text(0, 1000, Chars::Description);
const SERIAL: Rule = text(9, 256, Chars::IamSerial);
const PREFIX: Field = optional("PathPrefix", text(1, 512, Chars::PathPrefix));
const POLICY_PREFIX: Field = optional("PathPrefix", text(1, 512, Chars::PolicyPath));
const MARKER: Field = optional("Marker", text(1, 320, Chars::Marker));
const MAX_ITEMS: Field = optional("MaxItems", Rule::Number { min: 1, max: 1000 });
const TAGS: Field = optional("Tags", Rule::Tags);
const NEW_TAGS: Field = required("Tags", Rule::Tags);
const OLD_TAGS: Field = required("TagKeys", Rule::TagKeys);
/// A user that is there may have a longer name than a new one, says the model of the API; not for every operation.
const USER: Field = required("UserName", NAME);
const OWN_USER: Field = optional("UserName", NAME);
const SHORT_USER: Field = required("UserName", USER_NAME);
const ROLE: Field = required("RoleName", USER_NAME);
const GROUP: Field = required("GroupName", NAME);
const BOUNDARY: Field = optional("PermissionsBoundary", POLICY_ARN);

type Targeted = Outcome<(String, Vec<SessionTag>)>;

fn owner_target(call: &Exchange<'_>, owner: Owner, name: &str) -> Targeted {
    let account = call.account()?;
    Ok(account
        .entity(owner, name)
        .map_or_else(|| (format!("arn:aws:iam::{}:{}/{name}", account.id, owner.kind()), Vec::new()), |entity| (entity.arn.clone(), entity.tags.clone())))
}

fn user(call: &Exchange<'_>) -> Targeted {
    match call.user_or_self()? {
        Some(name) => owner_target(call, Owner::User, &name),
        None => Ok((call.account()?.root_arn(), Vec::new())),
    }
}

fn role(call: &Exchange<'_>) -> Targeted {
    owner_target(call, Owner::Role, call.params.text("RoleName"))
}

fn group(call: &Exchange<'_>) -> Targeted {
    owner_target(call, Owner::Group, call.params.text("GroupName"))
}

/// What is about to be made.
fn made(call: &Exchange<'_>, kind: &str, param: &str) -> (String, Vec<SessionTag>) {
    let path = call.params.get("Path").unwrap_or("/");
    (format!("arn:aws:iam::{}:{kind}{path}{}", call.principal.account, call.params.text(param)), Vec::new())
}

/// A list with its path prefix, as AWS names the resource of list operations.
fn listed(call: &Exchange<'_>, kind: &str) -> (String, Vec<SessionTag>) {
    (format!("arn:aws:iam::{}:{kind}{}", call.principal.account, call.params.get("PathPrefix").unwrap_or("/")), Vec::new())
}

fn policy(call: &Exchange<'_>) -> Targeted {
    let arn = call.params.text("PolicyArn");
    let tags = call.state.policy(call.account()?, arn).map(|policy| policy.tags.clone()).unwrap_or_default();
    Ok((arn.to_owned(), tags))
}

fn boundary_exists(call: &Exchange<'_>, arn: &str) -> Outcome<()> {
    well_formed(arn)?;
    let found = call.state.policy(call.account()?, arn).is_some();
    if found { Ok(()) } else { Err(Fault::new("NoSuchEntity", format!("Scope ARN: {arn} does not exist or is not attachable."))) }
}

fn attachable(call: &Exchange<'_>, arn: &str) -> Outcome<()> {
    well_formed(arn)?;
    match call.state.policy(call.account()?, arn) {
        None => Err(Fault::new("NoSuchEntity", format!("Policy {arn} does not exist or is not attachable."))),
        Some(policy) if policy.path.starts_with(SERVICES) => Err(Fault::new("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")),
        Some(_) => Ok(()),
    }
}

/// The ARN of a policy, as far as its form goes.
fn well_formed(arn: &str) -> Outcome<()> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", account, policy] if !account.is_empty() && policy.starts_with("policy/") => Ok(()),
        _ => Err(Fault::new("InvalidInput", format!("ARN {arn} is not valid."))),
    }
}

fn identity_document(text: &str) -> Outcome<Document> {
    // Of a trust policy IAM says that it is no JSON, of others not.
    let message = |malformed: Malformed| if malformed.is_no_json() { "Syntax errors in policy.".to_owned() } else { malformed.0 };
    Document::parse(text, Shape::Identity).map_err(|malformed| Fault::new("MalformedPolicyDocument", message(malformed)))
}

/// Documents travel percent-encoded.
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, UNRESERVED).to_string()
}

fn boundary_xml(entity: &Entity) -> Xml {
    match &entity.boundary {
        Some(arn) => {
            let inside = Xml::new().text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
            Xml::new().element("PermissionsBoundary", inside)
        }
        None => Xml::new(),
    }
}

fn under(path: &str, call: &Exchange<'_>) -> bool {
    path.starts_with(call.params.get("PathPrefix").unwrap_or("/"))
}
