//! The one table of actions: name, service, what permission it needs on which resource, its parameters, the function.
//!
//! Nothing is answered that has no row here.

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    incoming::Incoming,
    params::Params,
    s3, sts,
    xml::Xml,
};
use crate::model::params::SessionTag;

/// Which API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Sts,
    Iam,
    S3,
}

impl Api {
    /// As in permissions and in the scope of a signature.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::S3 => "s3",
        }
    }

    pub(super) const fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
        }
    }
}

/// The resource of a call, with its tags.
pub(super) type Target = fn(&Exchange<'_>) -> Outcome<(String, Vec<SessionTag>)>;

/// What a caller needs.
#[derive(Clone, Copy)]
pub(super) enum Permission {
    /// Nothing.
    Free,
    /// The permission that bears the action's name, on this resource.
    Needed(Target),
    /// The action asks by itself.
    Own,
}

/// A row.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) service: Api,
    pub(super) permission: Permission,
    pub(super) fields: &'static [Field],
    pub(super) run: fn(&mut Exchange<'_>) -> Outcome<Xml>,
}

impl Action {
    pub(super) fn permission_name(&self) -> &'static str {
        if self.service == Api::S3 { "ListAllMyBuckets" } else { self.name }
    }
}

/// The row of a request.
pub(super) fn find(params: &Params, scope: Option<&str>, incoming: &Incoming) -> Outcome<&'static Action> {
    let Some(name) = params.get("Action").filter(|name| !name.is_empty()) else {
        if incoming.method == "GET" && incoming.path == "/" && scope == Some("s3") {
            return Ok(&LIST_BUCKETS);
        }
        return Err(match scope {
            Some("s3") => Fault::new("NotImplemented", "The practice account's S3 can only list buckets."),
            Some(_) => Fault::new("MissingAction", "The request must contain the parameter Action."),
            None => Fault::new("MissingAuthenticationToken", "Request is missing Authentication Token"),
        });
    };
    let version = params.get("Version");
    let service = api(params);
    let mut tables = STS.iter().chain(super::iam::ACTIONS.iter().copied().flatten());
    tables
        .find(|action| action.name == name && Some(action.service) == service)
        .ok_or_else(|| Fault::new("InvalidAction", format!("Could not find operation {name} for version {}", version.unwrap_or("NO_VERSION_SPECIFIED"))))
}

/// The API that a request's version names.
pub(super) fn api(params: &Params) -> Option<Api> {
    match params.get("Version") {
        Some("2011-06-15") => Some(Api::Sts),
        Some("2010-05-08") => Some(Api::Iam),
        Some(_) | None => None,
    }
}

pub(super) const fn free(name: &'static str, service: Api, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    Action { name, service, permission: Permission::Free, fields, run }
}

const fn own(name: &'static str, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    Action { name, service: Api::Sts, permission: Permission::Own, fields, run }
}

/// A row of IAM.
pub(super) const fn iam(name: &'static str, target: Target, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    Action { name, service: Api::Iam, permission: Permission::Needed(target), fields, run }
}

const ARN: Rule = text(20, 2048, Chars::Free);
const SESSION_NAME: Rule = text(2, 64, Chars::SessionName);
const SERIAL: Rule = text(9, 256, Chars::Serial);
const CODE: Rule = text(6, 6, Chars::Digits);
const TOKEN_SIZE: Field = optional("MinimumSessionTokenSize", Rule::Number { min: 0, max: 4096 });
const SESSION_POLICY: Rule = text(1, 2048, Chars::Policy);

static LIST_BUCKETS: Action = Action {
    name: "ListBuckets",
    service: Api::S3,
    permission: Permission::Needed(|_| Ok(("arn:aws:s3:::*".to_owned(), Vec::new()))),
    fields: &[],
    run: s3::list_buckets,
};

static STS: [Action; 5] = [
    own(
        "AssumeRole",
        &[
            required("RoleArn", ARN),
            required("RoleSessionName", SESSION_NAME),
            optional("Policy", SESSION_POLICY),
            optional("DurationSeconds", Rule::Number { min: 900, max: 43200 }),
            optional("ExternalId", text(2, 1224, Chars::ExternalId)),
            optional("SerialNumber", SERIAL),
            optional("TokenCode", CODE),
            optional("SourceIdentity", SESSION_NAME),
            optional("Tags", Rule::Tags),
            optional("TransitiveTagKeys", Rule::TagKeys),
            TOKEN_SIZE,
        ],
        sts::assume_role::run,
    ),
    free(
        "GetSessionToken",
        Api::Sts,
        &[optional("DurationSeconds", Rule::Number { min: 900, max: 129_600 }), optional("SerialNumber", SERIAL), optional("TokenCode", CODE), TOKEN_SIZE],
        sts::session_token::run,
    ),
    own(
        "GetFederationToken",
        &[
            required("Name", text(2, 32, Chars::SessionName)),
            optional("Policy", SESSION_POLICY),
            optional("DurationSeconds", Rule::Number { min: 900, max: 129_600 }),
            optional("Tags", Rule::Tags),
            TOKEN_SIZE,
        ],
        sts::federation_token::run,
    ),
    free("GetCallerIdentity", Api::Sts, &[], sts::identity::caller),
    Action {
        name: "GetAccessKeyInfo",
        service: Api::Sts,
        permission: Permission::Needed(|_| Ok(("*".to_owned(), Vec::new()))),
        fields: &[required("AccessKeyId", text(16, 128, Chars::KeyId))],
        run: sts::identity::access_key,
    },
];
