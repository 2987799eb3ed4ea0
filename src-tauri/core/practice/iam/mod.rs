//! The operations of IAM, a file for each kind of thing, and what they share: looking up, targets, pages, tags.
//!
//! Each file lists its rows of the table of actions beside the functions that run them. A missing thing is `NoSuchEntity`, a
//! taken name `EntityAlreadyExists`, something in use `DeleteConflict`.

mod account;
mod attached;
pub(super) mod aws_policies;
mod devices;
mod groups;
mod inline;
mod keys;
mod managed;
mod roles;
mod simulate;
mod tags;
mod trust;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    state::{Entity, Owner},
    table::Action,
    xml::Xml,
};
use crate::{
    model::params::SessionTag,
    policy::{Document, Shape},
};

/// Every row of IAM.
pub(super) static ACTIONS: [&[Action]; 10] = [
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
];

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const USER_NAME: Rule = text(1, 64, Chars::Name);
const NAME: Rule = text(1, 128, Chars::Name);
const PATH: Rule = text(1, 512, Chars::Path);
const POLICY_ARN: Rule = text(20, 2048, Chars::Free);
const DOCUMENT: Rule = text(1, 131_072, Chars::Policy);
const DESCRIPTION: Rule = text(0, 1000, Chars::Description);
const SERIAL: Rule = text(9, 256, Chars::IamSerial);
const PREFIX: Field = optional("PathPrefix", text(1, 512, Chars::PathPrefix));
const MARKER: Field = optional("Marker", text(1, 320, Chars::Free));
const MAX_ITEMS: Field = optional("MaxItems", Rule::Number { min: 1, max: 1000 });
const TAGS: Field = optional("Tags", Rule::Tags);
const NEW_TAGS: Field = required("Tags", Rule::Tags);
/// A user that is there may have a longer name than a new one, says the model of the API.
const USER: Field = required("UserName", NAME);
const OWN_USER: Field = optional("UserName", NAME);
const ROLE: Field = required("RoleName", USER_NAME);
const GROUP: Field = required("GroupName", NAME);
const BOUNDARY: Field = optional("PermissionsBoundary", POLICY_ARN);

impl Owner {
    const fn kind(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Group => "group",
        }
    }

    const fn param(self) -> &'static str {
        match self {
            Self::User => "UserName",
            Self::Role => "RoleName",
            Self::Group => "GroupName",
        }
    }

    const fn capital(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
            Self::Group => "Group",
        }
    }
}

type Targeted = Outcome<(String, Vec<SessionTag>)>;

/// Of lists and of what has no ARN.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
fn everything(_: &Exchange<'_>) -> Targeted {
    Ok(("*".to_owned(), Vec::new()))
}

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

fn owned<'a>(call: &'a Exchange<'_>, owner: Owner) -> Outcome<&'a Entity> {
    let name = call.params.text(owner.param());
    call.account()?.entity(owner, name).ok_or_else(|| Fault::no_such(owner.kind(), name))
}

fn owned_mut<'a>(call: &'a mut Exchange<'_>, owner: Owner) -> Outcome<&'a mut Entity> {
    let name = call.params.text(owner.param());
    call.account_mut()?.entity_mut(owner, name).ok_or_else(|| Fault::no_such(owner.kind(), name))
}

/// The common part of a new user, role or group: its name is free in any spelling, its path and tags are right.
fn new_entity(call: &mut Exchange<'_>, owner: Owner, prefix: &str) -> Outcome<Entity> {
    let name = call.params.text(owner.param()).to_owned();
    let path = call.params.get("Path").unwrap_or("/").to_owned();
    let boundary = call.params.get("PermissionsBoundary").map(str::to_owned);
    let tags = tags::checked(call.params)?;
    if call.account()?.entities().any(|(kind, entity)| kind == owner && entity.name.eq_ignore_ascii_case(&name)) {
        return Err(Fault::exists(owner.capital(), &name));
    }
    if let Some(boundary) = &boundary {
        boundary_exists(call, boundary)?;
    }
    Ok(Entity {
        id: call.state.draw.unique_id(prefix),
        arn: format!("arn:aws:iam::{}:{}{path}{name}", call.principal.account, owner.kind()),
        created: call.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        name,
        path,
        boundary,
        tags,
    })
}

fn boundary_exists(call: &Exchange<'_>, arn: &str) -> Outcome<()> {
    let found = call.state.policy(call.account()?, arn).is_some();
    if found { Ok(()) } else { Err(Fault::new("NoSuchEntity", format!("Scope ARN: {arn} does not exist or is not attachable."))) }
}

fn attachable(call: &Exchange<'_>, arn: &str) -> Outcome<()> {
    if !arn.starts_with("arn:") || arn.splitn(6, ':').count() < 6 {
        return Err(Fault::new("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    let found = call.state.policy(call.account()?, arn).is_some();
    if found { Ok(()) } else { Err(Fault::new("NoSuchEntity", format!("Policy {arn} does not exist or is not attachable."))) }
}

fn identity_document(text: &str) -> Outcome<Document> {
    Document::parse(text, Shape::Identity).map_err(|malformed| Fault::new("MalformedPolicyDocument", malformed.0))
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

/// One page of a list: what comes after the marker, as many as were asked for.
fn page(call: &Exchange<'_>, name: &str, mut items: Vec<(String, Xml)>) -> Outcome<Xml> {
    let most = call.params.get("MaxItems").and_then(|text| text.parse().ok()).unwrap_or(100_usize);
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some(marker) = call.params.get("Marker") {
        let after = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after = after.ok_or_else(|| Fault::validation("Invalid Marker."))?;
        items.retain(|(key, _)| *key > after);
    }
    let truncated = items.len() > most;
    items.truncate(most);
    let marker = items.last().filter(|_| truncated).map(|(key, _)| URL_SAFE_NO_PAD.encode(key));
    Ok(Xml::new().list(name, items.into_iter().map(|(_, xml)| xml)).text("IsTruncated", if truncated { "true" } else { "false" }).maybe("Marker", marker))
}

fn under(path: &str, call: &Exchange<'_>) -> bool {
    path.starts_with(call.params.get("PathPrefix").unwrap_or("/"))
}
