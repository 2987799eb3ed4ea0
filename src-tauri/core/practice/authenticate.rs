//! The one place that says who is calling: Signature Version 4, in the header or in a presigned query.
//!
//! The canonical request is built from the headers that the client says it signed; key and signature come from the aws-sigv4
//! crate and are compared in constant time. Then the key's status, and for temporary credentials the token that belongs to
//! the key. Refusals and their order are AWS's.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{
    Inner,
    caller::{Principal, Who},
    fault::{Fault, Outcome},
    ids::{account_of, hex},
    incoming::Incoming,
    s3,
    session::{Session, SessionKind},
    state::State,
};
use crate::model::{access_key::AccessKeyId, secret::Secret};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but what RFC 3986 leaves as it is.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');
/// How far a request's date may be from ours.
const SKEW: Duration = Duration::minutes(5);

/// The same for S3.
const S3_SKEW: Duration = Duration::minutes(15);

/// A signature with everything that it says about itself.
pub(super) struct Signed {
    access_key_id: String,
    /// `YYYYMMDD`
    day: String,
    pub(super) region: String,
    pub(super) service: String,
    terminator: String,
    headers: Vec<String>,
    signature: String,
    date: String,
    token: Option<String>,
    /// Seconds that a presigned request is good for.
    expires: Option<i64>,
}

impl Signed {
    /// Takes the signature from the request; `None`: it is not signed.
    pub(super) fn of(incoming: &Incoming) -> Outcome<Option<Self>> {
        if let Some(header) = incoming.header("authorization") {
            return Self::from_header(incoming, header).map(Some);
        }
        if incoming.query_value("X-Amz-Algorithm").is_some() || incoming.query_value("X-Amz-Signature").is_some() {
            return Self::from_query(incoming).map(Some);
        }
        Ok(None)
    }

    fn from_header(incoming: &Incoming, header: &str) -> Outcome<Self> {
        let Some(rest) = header.strip_prefix(ALGORITHM) else {
            return Err(incomplete(format!("Unsupported AWS 'algorithm': '{}'", header.split(' ').next().unwrap_or_default())));
        };
        let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let date = incoming.header("x-amz-date");
        let mut missing: Vec<String> = ["Credential", "Signature", "SignedHeaders"]
            .iter()
            .filter(|name| part(name).is_none_or(str::is_empty))
            .map(|name| format!("Authorization header requires '{name}' parameter."))
            .collect();
        if date.is_none() {
            missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned());
        }
        if !missing.is_empty() {
            // Without the header itself, which AWS repeats only as a hash.
            return Err(incomplete(missing.join(" ")));
        }
        Self::new(
            part("Credential").unwrap_or_default(),
            part("SignedHeaders").unwrap_or_default(),
            part("Signature").unwrap_or_default(),
            date.unwrap_or_default(),
            incoming.header("x-amz-security-token").map(str::to_owned),
            None,
        )
    }

    fn from_query(incoming: &Incoming) -> Outcome<Self> {
        let value = |name: &str| incoming.query_value(name);
        if value("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
            return Err(incomplete("AWS query-string parameters must include 'X-Amz-Algorithm' with value 'AWS4-HMAC-SHA256'.".to_owned()));
        }
        let names = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
        let missing: Vec<_> = names.iter().filter(|name| value(name).is_none()).map(|name| format!("'{name}'")).collect();
        if !missing.is_empty() {
            return Err(incomplete(format!("AWS query-string parameters must include {}. Re-examine the query-string parameters.", missing.join(", "))));
        }
        let text = |name: &str| value(name).unwrap_or_default();
        let expires = match value("X-Amz-Expires") {
            None => 900,
            Some(seconds) => seconds
                .parse()
                .ok()
                .filter(|seconds| (1..=604_800).contains(seconds))
                .ok_or_else(|| incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800".to_owned()))?,
        };
        Self::new(
            &text("X-Amz-Credential"),
            &text("X-Amz-SignedHeaders"),
            &text("X-Amz-Signature"),
            &text("X-Amz-Date"),
            value("X-Amz-Security-Token").or_else(|| incoming.header("x-amz-security-token").map(str::to_owned)),
            Some(expires),
        )
    }

    fn new(credential: &str, headers: &str, signature: &str, date: &str, token: Option<String>, expires: Option<i64>) -> Outcome<Self> {
        let parts: Vec<_> = credential.split('/').collect();
        let [access_key_id, day, region, service, terminator] = parts.as_slice() else {
            return Err(incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term".to_owned()));
        };
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            day: (*day).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            terminator: (*terminator).to_owned(),
            headers: headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature: signature.to_owned(),
            date: date.to_owned(),
            token,
            expires,
        })
    }

    /// The key ID, for the record of calls.
    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }
}

/// Who is calling, or AWS's refusal.
pub(super) fn authenticate(inner: &Inner, state: &State, incoming: &Incoming, signed: &Signed, service: &str, now: OffsetDateTime) -> Outcome<Principal> {
    let (secret, session) = secret_of(inner, state, signed, service)?;
    let at = scope(signed, service)?;
    fresh(signed, at, now)?;
    if !signed.headers.iter().any(|name| name == "host") {
        return Err(mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let canonical = canonical_request(incoming, signed);
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("{ALGORITHM}\n{}\n{}/{}/{}/{}\n{hash}", signed.date, signed.day, signed.region, signed.service, signed.terminator);
    let key = generate_signing_key(secret.expose(), at.into(), &signed.region, &signed.service);
    let expected = calculate_signature(key, text.as_bytes());
    if !bool::from(expected.as_bytes().ct_eq(signed.signature.as_bytes())) {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    principal(state, signed, session, now)
}

fn secret_of(inner: &Inner, state: &State, signed: &Signed, service: &str) -> Outcome<(Secret, Option<Session>)> {
    let id = AccessKeyId::parse(&signed.access_key_id).map_err(|_| invalid_token())?;
    if id.is_temporary() {
        let token = signed.token.as_deref().filter(|token| !token.is_empty()).ok_or_else(invalid_token)?;
        let session = inner.sessions.open(token).filter(|session: &Session| session.access_key_id == id.as_str());
        let session = session.ok_or_else(|| wrong_token(service))?;
        return Ok((inner.seed.session_secret(id.as_str()), Some(session)));
    }
    if signed.token.as_deref().is_some_and(|token| !token.is_empty()) {
        return Err(wrong_token(service));
    }
    let (account, user) = state.seen().owners.get(&id).ok_or_else(invalid_token)?;
    let account = state.seen().accounts.get(account).ok_or_else(invalid_token)?;
    let keys = match user {
        Some(user) => &account.users.get(user).ok_or_else(invalid_token)?.keys,
        None => &account.root_keys,
    };
    let key = keys.iter().find(|key| key.id == id && key.active).ok_or_else(invalid_token)?;
    Ok((key.secret.clone(), None))
}

/// The scope of the credential; gives the request's date.
fn scope(signed: &Signed, service: &str) -> Outcome<OffsetDateTime> {
    if signed.terminator != "aws4_request" {
        return Err(mismatch(&format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{}'.", signed.terminator)));
    }
    if signed.service != service {
        return Err(mismatch(&format!("Credential should be scoped to correct service: '{service}'. ")));
    }
    if !super::regions::known(&signed.region) {
        return Err(mismatch("Credential should be scoped to a valid region. "));
    }
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let at = PrimitiveDateTime::parse(&signed.date, format)
        .map_err(|_| incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601", signed.date)))?;
    if signed.date.get(..8) != Some(signed.day.as_str()) {
        return Err(mismatch(&format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{}'.",
            signed.day,
            signed.date.get(..8).unwrap_or_default(),
            signed.date
        )));
    }
    Ok(at.assume_utc())
}

fn fresh(signed: &Signed, at: OffsetDateTime, now: OffsetDateTime) -> Outcome<()> {
    if signed.service == "s3" {
        let early = at - now > S3_SKEW;
        return match signed.expires {
            Some(seconds) if early || now - at > Duration::seconds(seconds) => Err(s3::link_out_of_time(!early)),
            None if early || now - at > S3_SKEW => Err(s3::skewed()),
            Some(_) | None => Ok(()),
        };
    }
    let basic = |at: OffsetDateTime| at.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default();
    let allowed = signed.expires.map_or(SKEW, Duration::seconds);
    if now - at > allowed {
        let minutes = allowed.whole_minutes();
        return Err(mismatch(&format!("Signature expired: {} is now earlier than {} ({} - {minutes} min.)", basic(at), basic(now - allowed), basic(now))));
    }
    if at - now > SKEW {
        return Err(mismatch(&format!("Signature not yet current: {} is still later than {} ({} + 5 min.)", basic(at), basic(now + SKEW), basic(now))));
    }
    Ok(())
}

fn canonical_request(incoming: &Incoming, signed: &Signed) -> String {
    let path = if signed.service == "s3" { incoming.path.clone() } else { utf8_percent_encode(&incoming.path, PATH).to_string() };
    let encode = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, UNRESERVED).to_string()
    };
    let mut query: Vec<_> = incoming
        .query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .filter(|(name, _)| signed.expires.is_none() || *name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    query.sort();
    let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: Vec<_> = signed.headers.iter().map(|name| format!("{name}:{}", incoming.canonical_header(name))).collect();
    let hash = match (signed.service.as_str(), incoming.header("x-amz-content-sha256")) {
        ("s3", Some("UNSIGNED-PAYLOAD")) => "UNSIGNED-PAYLOAD".to_owned(),
        ("s3", None) if signed.expires.is_some() => "UNSIGNED-PAYLOAD".to_owned(),
        (_, Some(_) | None) => hex(&Sha256::digest(&incoming.body)),
    };
    format!("{}\n{path}\n{}\n{}\n\n{}\n{hash}", incoming.method, query.join("&"), headers.join("\n"), signed.headers.join(";"))
}

fn principal(state: &State, signed: &Signed, session: Option<Session>, now: OffsetDateTime) -> Outcome<Principal> {
    let access_key_id = signed.access_key_id.clone();
    let Some(session) = session else {
        let id = AccessKeyId::parse(&access_key_id).map_err(|_| invalid_token())?;
        let (account, user) = state.seen().owners.get(&id).cloned().ok_or_else(invalid_token)?;
        return Ok(Principal { account, who: user.map_or(Who::Root, Who::User), session: None });
    };
    if session.expires <= now {
        return Err(Fault::new("ExpiredToken", "The security token included in the request is expired"));
    }
    let account = state.seen().accounts.get(&session.account).ok_or_else(invalid_token)?;
    let who = match session.kind {
        SessionKind::Token | SessionKind::Federated if session.of == account.id => Who::Root,
        SessionKind::Token | SessionKind::Federated => Who::User(account.user_by_id(&session.of).ok_or_else(invalid_token)?.entity.name.clone()),
        SessionKind::Role => Who::Role(account.role_by_id(&session.of).ok_or_else(invalid_token)?.entity.name.clone()),
    };
    Ok(Principal { account: account.id.clone(), who, session: Some(session) })
}

/// The credentials of a sign-in: no signature, the three values themselves.
pub(super) fn open_credentials(inner: &Inner, id: &str, secret: &str, token: &str) -> Outcome<Session> {
    let session: Session = inner.sessions.open(token).ok_or_else(invalid_token)?;
    let known = session.access_key_id == id && inner.seed.session_secret(id) == Secret::new(secret) && account_of_text(id).as_deref() == Some(&session.account);
    known.then_some(session).ok_or_else(invalid_token)
}

fn account_of_text(id: &str) -> Option<String> {
    account_of(&AccessKeyId::parse(id).ok()?)
}

fn mismatch(message: &str) -> Fault {
    Fault::new("SignatureDoesNotMatch", message)
}

fn incomplete(message: String) -> Fault {
    Fault::new("IncompleteSignature", message)
}

/// A token that does not belong to its key: S3 says so, the others say no more than of an unknown key.
fn wrong_token(service: &str) -> Fault {
    if service == "s3" { s3::malformed_token() } else { invalid_token() }
}

pub(super) fn invalid_token() -> Fault {
    Fault::new("InvalidClientTokenId", "The security token included in the request is invalid.")
}
