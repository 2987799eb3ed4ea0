//! The operations of STS, a file each, and what they share: MFA codes, session policies, tags, the credentials element.
//!
//! Nothing here remembers a session: what STS needs to know of one is sealed into its token.

pub(super) mod assume_role;
pub(super) mod federation_token;
pub(super) mod identity;
pub(super) mod saml;
pub(super) mod session_token;
pub(super) mod web_identity;

use time::OffsetDateTime;

use super::{
    Inner,
    caller::Who,
    exchange::Exchange,
    fault::{Fault, Outcome},
    params::Params,
    session::{Session, SessionKind},
    state::State,
    xml::Xml,
};
use crate::{
    model::params::SessionTag,
    policy::{Document, Malformed, Shape},
};

/// What a packed session policy with its tags may take up.
const PACKED: usize = 4096;
/// What a session token may take up.
const LARGEST_TOKEN: usize = 12_288;

/// Checks `SerialNumber` and `TokenCode`; whether an MFA code was given.
fn mfa(call: &mut Exchange<'_>) -> Outcome<bool> {
    let (serial, code) = match (call.params.get("SerialNumber"), call.params.get("TokenCode")) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) | (None, Some(_)) => {
            return Err(Fault::new("AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."));
        }
    };
    let user = match (&call.principal.who, call.principal.kind()) {
        (Who::User(name), None | Some(SessionKind::Token)) => Some(Some(name.clone())),
        (Who::Root, None | Some(SessionKind::Token)) => Some(None),
        (Who::Nobody | Who::Root | Who::User(_) | Who::Role(_), _) => None,
    };
    let now = call.now;
    let device = call.account_mut()?.devices.get_mut(serial);
    let Some(device) = device.filter(|device| device.owner.as_ref().map(|owner| &owner.user) == user.as_ref() && user.is_some()) else {
        return Err(Fault::new(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
        ));
    };
    if device.take(code, now) { Ok(true) } else { Err(Fault::new("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")) }
}

/// The session policies of a request: inline and managed.
pub(super) fn session_policies(params: &Params) -> Outcome<(Vec<String>, Vec<String>)> {
    let mut inline = Vec::new();
    if let Some(text) = params.get("Policy") {
        // STS has another sentence than IAM for what is no JSON.
        let message = |malformed: Malformed| if malformed.is_no_json() { "The policy is not in the valid JSON format.".to_owned() } else { malformed.0 };
        Document::parse(text, Shape::Identity).map_err(|malformed| Fault::new("MalformedPolicyDocument", message(malformed)))?;
        inline.push(text.to_owned());
    }
    let managed: Vec<String> = params.structures("PolicyArns", "arn").into_iter().map(str::to_owned).collect();
    if managed.len() > 10 {
        return Err(Fault::validation(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
        ));
    }
    Ok((inline, managed))
}

/// Managed session policies must be there, in the account of the session or among AWS's own.
pub(super) fn existing(state: &State, account: &str, arns: &[String]) -> Outcome<()> {
    let account = state.seen().accounts.get(account);
    match arns.iter().find(|arn| account.is_none_or(|account| state.policy(account, arn).is_none())) {
        Some(arn) => Err(Fault::validation(format!("The session policy {arn} is not valid, or does not exist in the account."))),
        None => Ok(()),
    }
}

/// The tags of a request: no key twice, none of AWS's own.
fn tags(params: &Params) -> Outcome<Vec<SessionTag>> {
    let tags = params.pairs("Tags");
    let mut keys: Vec<_> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    if keys.iter().any(|key| key.starts_with("aws:")) {
        return Err(Fault::validation("Tag keys beginning with \"aws:\" are reserved for system use."));
    }
    keys.sort();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::new("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."));
    }
    Ok(tags)
}

/// How much of the space for policies and tags is used, in percent; too much is refused.
pub(super) fn packed_size(session: &Session) -> Outcome<Option<usize>> {
    if session.policies.is_empty() && session.managed.is_empty() && session.tags.is_empty() {
        return Ok(None);
    }
    let tags: usize = session.tags.iter().map(|tag| tag.key.len() + tag.value.len()).sum();
    let used = session.policies.iter().chain(&session.managed).map(String::len).sum::<usize>() + tags;
    let percent = (used * 100).div_ceil(PACKED);
    if percent > 100 {
        return Err(Fault::new("PackedPolicyTooLarge", format!("Packed size of session tags consumes {percent}% of allotted space.")));
    }
    Ok(Some(percent))
}

/// `AssumedRoleUser`, as every way to a role answers it.
pub(super) fn assumed(account: &str, role: &str, role_id: &str, session: &str) -> Xml {
    let user = Xml::new().text("AssumedRoleId", format!("{role_id}:{session}"));
    Xml::new().element("AssumedRoleUser", user.text("Arn", format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")))
}

fn credentials(call: &mut Exchange<'_>, session: Session) -> Outcome<Xml> {
    sealed(call.inner, call.state, call.params, session)
}

/// Seals a session; gives the `Credentials` element and what is said of the token's size.
pub(super) fn sealed(inner: &Inner, state: &mut State, params: &Params, mut session: Session) -> Outcome<Xml> {
    session.access_key_id = state.draw.access_key_id("ASIA", &session.account);
    let secret = inner.seed.session_secret(&session.access_key_id);
    let failed = || Fault::new("InternalFailure", "The request processing has failed because of an unknown error.");
    let mut token = inner.sessions.seal(&session, &mut state.draw).ok_or_else(failed)?;
    let least = params.get("MinimumSessionTokenSize").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    if token.len() < least {
        session.padding = "-".repeat(least - token.len());
        token = inner.sessions.seal(&session, &mut state.draw).ok_or_else(failed)?;
    }
    let size = token.len();
    let credentials = Xml::new()
        .text("AccessKeyId", &session.access_key_id)
        .text("SecretAccessKey", secret.expose())
        .text("SessionToken", token)
        .text("Expiration", super::time_text(session.expires));
    Ok(Xml::new()
        .element("Credentials", credentials)
        .text("SessionTokenSize", size.to_string())
        .text("SessionTokenUtilization", (size * 100).div_ceil(LARGEST_TOKEN).min(100).to_string()))
}

/// A session that begins now.
fn session(call: &Exchange<'_>, kind: SessionKind, of: String, name: &str, seconds: i64) -> Session {
    begin(kind, &call.principal.account, of, name, call.now, seconds)
}

/// The same, where there is no caller.
pub(super) fn begin(kind: SessionKind, account: &str, of: String, name: &str, now: OffsetDateTime, seconds: i64) -> Session {
    // Whole seconds, because that is what the answer says.
    let issued = OffsetDateTime::from_unix_timestamp(now.unix_timestamp()).unwrap_or(now);
    Session {
        kind,
        access_key_id: String::new(),
        account: account.to_owned(),
        of,
        name: name.to_owned(),
        issued,
        expires: issued + time::Duration::seconds(seconds),
        mfa_at: None,
        policies: Vec::new(),
        managed: Vec::new(),
        tags: Vec::new(),
        transitive: Vec::new(),
        source_identity: None,
        chained: false,
        origin: None,
        padding: String::new(),
    }
}

/// `DurationSeconds`, checked already by the table.
pub(super) fn duration(params: &Params) -> Option<i64> {
    params.get("DurationSeconds").and_then(|text| text.parse().ok())
}
