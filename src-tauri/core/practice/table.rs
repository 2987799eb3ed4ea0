//! The one table of actions: name, service, what permission it needs on which resource, its parameters, the function.
//!
//! Nothing is answered that has no row here.

use super::{
    access_analyzer, cloud_trail, decode,
    envelope::Object,
    exchange::Exchange,
    fault::{Fault, Outcome},
    federation::Unsigned,
    fields::{Chars, Field, Rule, optional, required, text},
    incoming::Incoming,
    organizations,
    params::Params,
    s3, sts,
    xml::Xml,
};
use crate::model::params::SessionTag;

/// How an API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A form in, XML out.
    Query,
    /// JSON in and out; the header X-Amz-Target names the action.
    Json,
    /// Method and path name the action; JSON in and out.
    RestJson,
    /// Method and path name the action; XML out.
    S3,
}

/// Which API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Sts,
    Iam,
    S3,
    CloudTrail,
    AccessAnalyzer,
    Organizations,
}

impl Api {
    /// As in permissions and in the scope of a signature.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::S3 => "s3",
            Self::CloudTrail => "cloudtrail",
            Self::AccessAnalyzer => "access-analyzer",
            Self::Organizations => "organizations",
        }
    }

    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Self::Sts | Self::Iam => Protocol::Query,
            Self::S3 => Protocol::S3,
            Self::CloudTrail | Self::Organizations => Protocol::Json,
            Self::AccessAnalyzer => Protocol::RestJson,
        }
    }

    /// Of the XML; JSON has none.
    pub(super) const fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
            Self::CloudTrail | Self::AccessAnalyzer | Self::Organizations => "",
        }
    }

    /// The rows of an API that is found by method and path.
    const fn routes(self) -> &'static [Route] {
        match self {
            Self::S3 => s3::ROUTES,
            Self::AccessAnalyzer => access_analyzer::ROUTES,
            Self::Sts | Self::Iam | Self::CloudTrail | Self::Organizations => &[],
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

/// What an action gives.
#[derive(Clone, Copy)]
pub(super) enum Run {
    Xml(fn(&mut Exchange<'_>) -> Outcome<Xml>),
    Json(fn(&mut Exchange<'_>) -> Outcome<serde_json::Value>),
    Object(fn(&mut Exchange<'_>) -> Outcome<Object>),
    /// Nobody signs it, and a signature does not matter.
    Anonymous(fn(&mut Unsigned<'_>) -> Outcome<Xml>),
}

/// A row.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) service: Api,
    pub(super) permission: Permission,
    /// Mostly the name of the action; S3 has names of its own.
    pub(super) permission_name: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) run: Run,
}

/// A row that is found by method and path: `/analyzer/{analyzerName}`, and by a parameter that must be there.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) with: Option<&'static str>,
    pub(super) action: Action,
}

/// What a request with JSON says of the service, without its package, and the action.
fn target(incoming: &Incoming) -> Option<(&str, &str)> {
    let (service, name) = incoming.header("x-amz-target")?.rsplit_once('.').unwrap_or_default();
    Some((service.rsplit('.').next().unwrap_or_default(), name))
}

/// The API that a request speaks, as far as it shows.
pub(super) fn api(params: &Params, scope: Option<&str>, incoming: &Incoming) -> Api {
    let version = params.get("Version");
    let named = version.is_some() || params.get("Action").is_some();
    match (target(incoming), scope) {
        (Some((organizations::TARGET, _)), _) | (Some(_), Some("organizations")) => Api::Organizations,
        // Whatever else has a target is answered in JSON.
        (Some(_), _) => Api::CloudTrail,
        (None, _) if version == Some("2010-05-08") => Api::Iam,
        (None, Some("s3")) if !named => Api::S3,
        (None, Some("access-analyzer")) if version.is_none() => Api::AccessAnalyzer,
        // A path is of a bucket, and nobody needs to sign for it.
        (None, None) if !named && incoming.path != "/" && incoming.method != "POST" => Api::S3,
        (None, Some(_) | None) => Api::Sts,
    }
}

/// The row of a request. What path and JSON body say becomes parameters like all the others.
pub(super) fn find(api: Api, params: &mut Params, scope: Option<&str>, incoming: &Incoming) -> Outcome<&'static Action> {
    match api.protocol() {
        Protocol::Query if !matches!(incoming.method.as_str(), "GET" | "POST") => {
            Err(Fault::new("MethodNotAllowed", "The specified method is not allowed against this resource."))
        }
        Protocol::Query => query(api, params, scope),
        Protocol::Json => {
            params.absorb_json(&incoming.body)?;
            let (service, name) = target(incoming).unwrap_or_default();
            let rows = match service {
                cloud_trail::TARGET => cloud_trail::ACTIONS,
                organizations::TARGET => organizations::ACTIONS,
                _ => &[],
            };
            rows.iter().find(|action| action.name == name).ok_or_else(|| Fault::new("UnknownOperationException", ""))
        }
        Protocol::RestJson => {
            params.absorb_json(&incoming.body)?;
            routed(api, params, incoming).ok_or_else(|| Fault::new("UnknownOperationException", ""))
        }
        Protocol::S3 => routed(api, params, incoming)
            .ok_or_else(|| Fault::new("NotImplemented", "The practice account's S3 lists, reads and takes bucket policies; it has no such operation.")),
    }
}

fn query(api: Api, params: &Params, scope: Option<&str>) -> Outcome<&'static Action> {
    let Some(name) = params.get("Action").filter(|name| !name.is_empty()) else {
        return Err(match scope {
            Some(_) => Fault::new("MissingAction", "The request must contain the parameter Action."),
            None => Fault::new("MissingAuthenticationToken", "Request is missing Authentication Token"),
        });
    };
    let known = match params.get("Version") {
        Some("2011-06-15") => api == Api::Sts,
        Some("2010-05-08") => api == Api::Iam,
        Some(_) | None => false,
    };
    rows().find(|action| known && action.name == name && action.service == api).ok_or_else(|| {
        let version = params.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
        Fault::new("InvalidAction", format!("Could not find operation {name} for version {version}"))
    })
}

/// Every row that the Query protocol reaches.
pub(super) fn rows() -> impl Iterator<Item = &'static Action> {
    STS.iter().chain(super::iam::ACTIONS.iter().copied().flatten())
}

/// The row of a service's action, whatever reaches it.
pub(super) fn named(service: &str, name: &str) -> Option<&'static Action> {
    let routes = s3::ROUTES.iter().chain(access_analyzer::ROUTES).map(|route| &route.action);
    let all = rows().chain(cloud_trail::ACTIONS).chain(organizations::ACTIONS).chain(routes);
    all.into_iter().find(|action| action.service.prefix() == service && action.name == name)
}

fn routed(api: Api, params: &mut Params, incoming: &Incoming) -> Option<&'static Action> {
    let path = incoming.path.as_str();
    api.routes().iter().find_map(|route| {
        if route.method != incoming.method || route.with.is_some_and(|name| params.get(name).is_none()) {
            return None;
        }
        let found = matched(route.path, path)?;
        for (name, value) in found {
            params.set(name, value);
        }
        Some(&route.action)
    })
}

/// The variables of a path; a last one that ends with `+` takes the rest.
fn matched(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let (mut rest, mut more) = (path.strip_prefix('/')?, template.strip_prefix('/')?.split('/').peekable());
    while let Some(part) = more.next() {
        let greedy = part.ends_with("+}");
        let (own, tail) = if greedy || more.peek().is_none() { (rest.trim_end_matches(|c| c == '/' && !greedy), "") } else { rest.split_once('/')? };
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if own.is_empty() || (!greedy && own.contains('/')) => return None,
            Some(name) => found.push((name.trim_end_matches('+'), percent_encoding::percent_decode_str(own).decode_utf8().ok()?.into_owned())),
            None if part != own => return None,
            None => {}
        }
        rest = tail;
    }
    Some(found)
}

const fn row(name: &'static str, service: Api, permission: Permission, fields: &'static [Field], run: Run) -> Action {
    Action { name, service, permission, permission_name: name, fields, run }
}

pub(super) const fn free(name: &'static str, service: Api, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    row(name, service, Permission::Free, fields, Run::Xml(run))
}

const fn own(name: &'static str, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    row(name, Api::Sts, Permission::Own, fields, Run::Xml(run))
}

const fn anonymous(name: &'static str, fields: &'static [Field], run: fn(&mut Unsigned<'_>) -> Outcome<Xml>) -> Action {
    row(name, Api::Sts, Permission::Own, fields, Run::Anonymous(run))
}

/// A row of IAM.
pub(super) const fn iam(name: &'static str, target: Target, fields: &'static [Field], run: fn(&mut Exchange<'_>) -> Outcome<Xml>) -> Action {
    row(name, Api::Iam, Permission::Needed(target), fields, Run::Xml(run))
}

/// A row of an API that speaks JSON.
pub(super) const fn json(
    name: &'static str,
    service: Api,
    target: Target,
    fields: &'static [Field],
    run: fn(&mut Exchange<'_>) -> Outcome<serde_json::Value>,
) -> Action {
    row(name, service, Permission::Needed(target), fields, Run::Json(run))
}

/// Of actions that are about nothing in particular.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
pub(super) fn everything(_: &Exchange<'_>) -> Outcome<(String, Vec<SessionTag>)> {
    Ok(("*".to_owned(), Vec::new()))
}

const ARN: Rule = text(20, 2048, Chars::Free);
const SESSION_NAME: Rule = text(2, 64, Chars::SessionName);
const SERIAL: Rule = text(9, 256, Chars::Serial);
const CODE: Rule = text(6, 6, Chars::Digits);
const TOKEN_SIZE: Field = optional("MinimumSessionTokenSize", Rule::Number { min: 0, max: 4096 });
const SESSION_POLICY: Rule = text(1, 2048, Chars::Policy);

static STS: [Action; 8] = [
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
    anonymous(
        "AssumeRoleWithSAML",
        &[
            required("RoleArn", ARN),
            required("PrincipalArn", ARN),
            required("SAMLAssertion", text(4, 100_000, Chars::Secret)),
            optional("Policy", SESSION_POLICY),
            optional("DurationSeconds", Rule::Number { min: 900, max: 43200 }),
            TOKEN_SIZE,
        ],
        sts::saml::run,
    ),
    anonymous(
        "AssumeRoleWithWebIdentity",
        &[
            required("RoleArn", ARN),
            required("RoleSessionName", SESSION_NAME),
            required("WebIdentityToken", text(4, 20_000, Chars::Secret)),
            optional("ProviderId", text(4, 2048, Chars::Free)),
            optional("Policy", SESSION_POLICY),
            optional("DurationSeconds", Rule::Number { min: 900, max: 43200 }),
            TOKEN_SIZE,
        ],
        sts::web_identity::run,
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
    row(
        "GetAccessKeyInfo",
        Api::Sts,
        Permission::Needed(everything),
        &[required("AccessKeyId", text(16, 128, Chars::KeyId))],
        Run::Xml(sts::identity::access_key),
    ),
    row(
        "DecodeAuthorizationMessage",
        Api::Sts,
        Permission::Needed(everything),
        &[required("EncodedMessage", text(1, 10_240, Chars::Free))],
        Run::Xml(decode::run),
    ),
];
