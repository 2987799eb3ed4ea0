//! A web identity token as AWS reads it: whose it is, whether it is signed and good now, for whom; then what it says.
//!
//! Refusals and their order are AWS's: what it is, whose it is, the keys, the signature, the times, the audience.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    Fetched, Tags, invalid,
    jwt::Token,
    providers::{OidcProvider, Providers},
    source_identity,
};
use crate::{
    model::params::SessionTag,
    practice::fault::{Fault, Outcome},
};

const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
/// Claims that every token has, in the order in which AWS misses them.
const REQUIRED: [&str; 4] = ["sub", "aud", "exp", "iat"];
/// Claims that become condition keys beside subject and audience.
const KEPT: [&str; 4] = ["amr", "iat", "email", "iss"];

/// What a token says, once it is believed.
pub(in crate::practice) struct Claims {
    pub(in crate::practice) subject: String,
    pub(in crate::practice) audience: String,
    pub(in crate::practice) source_identity: Option<String>,
    pub(in crate::practice) tags: Tags,
    /// `HOST/PATH:sub` and the like.
    pub(in crate::practice) keys: Vec<(String, Vec<String>)>,
}

/// The provider that a token claims to come from: its `iss`, exactly.
pub(super) fn issuer<'a>(token: &Token<'_>, providers: Option<&'a Providers>) -> Outcome<&'a OidcProvider> {
    let issuer = token.unverified().get("iss").and_then(Value::as_str).ok_or_else(|| missing("iss"))?;
    let found = providers.and_then(|providers| providers.oidc.values().find(|provider| provider.url == issuer));
    found.ok_or_else(|| invalid(&format!("No OpenIDConnect provider found in your account for {issuer}")))
}

/// Reads a token of a provider of the role's account.
pub(in crate::practice) fn read<'a>(
    text: &str,
    providers: Option<&'a Providers>,
    keys: Option<&Fetched>,
    now: OffsetDateTime,
) -> Outcome<(&'a OidcProvider, Claims)> {
    let token = Token::parse(text).filter(|token| token.algorithm().is_some());
    let token = token.ok_or_else(|| invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"))?;
    let provider = issuer(&token, providers)?;
    let unreachable =
        || Fault::new("IDPCommunicationError", "The identity provider that was asked to verify the incoming identity token could not be reached.");
    let keys = match keys {
        // Between the fetching and this call it may have been deleted and made again elsewhere.
        Some(Fetched::Keys { url, keys }) if *url == provider.url => keys,
        Some(Fetched::Untrusted) => return Err(invalid("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")),
        Some(Fetched::Keys { .. } | Fetched::Unreachable) | None => return Err(unreachable()),
        Some(Fetched::Unusable) => return Err(no_key()),
    };
    match token.verifies(keys) {
        Some(true) => {}
        Some(false) => return Err(invalid("The ID Token signature is not valid")),
        None => return Err(no_key()),
    }
    let claims = token.unverified();
    if let Some(name) = REQUIRED.iter().find(|name| claims.get(**name).is_none_or(Value::is_null)) {
        return Err(missing(name));
    }
    times(claims, now)?;
    let audience = audience(claims, provider)?;
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty()).ok_or_else(|| missing("sub"))?.to_owned();
    let mut keys = vec![("aud", vec![audience.clone()]), ("sub", vec![subject.clone()])];
    keys.extend(KEPT.iter().map(|name| (*name, texts(claims.get(*name)))));
    let keys = keys.into_iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| (format!("{}:{name}", provider.name()), values)).collect();
    let source_identity = claims.get(SOURCE_IDENTITY).map(|identity| source_identity(identity.as_str().unwrap_or_default())).transpose()?;
    Ok((provider, Claims { subject, audience, source_identity, tags: tags(claims)?, keys }))
}

fn times(claims: &Map<String, Value>, now: OffsetDateTime) -> Outcome<()> {
    let now = now.unix_timestamp();
    #[expect(clippy::cast_possible_truncation, reason = "seconds with a fraction are allowed; far away is far away")]
    let at = |name: &str| claims.get(name).map(|value| value.as_f64().map(|seconds| seconds as i64).ok_or_else(|| missing(name))).transpose();
    if let Some(end) = at("exp")?
        && end <= now
    {
        let message = format!("Token expired: current date/time {now} must be before the expiration date/time{end}");
        return Err(Fault::new("ExpiredTokenException", message));
    }
    for name in ["nbf", "iat"] {
        if at(name)?.is_some_and(|start| start > now) {
            return Err(invalid("The ID Token is not valid yet"));
        }
    }
    Ok(())
}

/// For whom: `azp` where there is one, otherwise the only `aud`. It must be a client that the provider is registered with.
fn audience(claims: &Map<String, Value>, provider: &OidcProvider) -> Outcome<String> {
    let named = texts(claims.get("aud"));
    let audience = match (claims.get("azp").and_then(Value::as_str), named.as_slice()) {
        (Some(party), _) => party.to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => return Err(missing("aud")),
        (None, _) => return Err(missing("azp")),
    };
    if provider.client_ids.contains(&audience) { Ok(audience) } else { Err(invalid("Incorrect token audience")) }
}

/// Tags in one claim, or in claims whose names go on.
fn tags(claims: &Map<String, Value>) -> Outcome<Tags> {
    let broken = || invalid("The session tags in the identity token are not valid");
    let nested = claims.get(TAGS).map(|value| value.as_object().ok_or_else(broken)).transpose()?;
    let mut all = Vec::new();
    let mut tag = |key: &str, value: &Value| match texts(Some(value)).as_slice() {
        [value] => {
            all.push(SessionTag { key: key.to_owned(), value: value.clone() });
            Ok(())
        }
        _ => Err(broken()),
    };
    if let Some(tags) = nested.and_then(|nested| nested.get("principal_tags")) {
        tags.as_object().ok_or_else(broken)?.iter().try_for_each(|(key, value)| tag(key, value))?;
    }
    let flat = format!("{TAGS}/principal_tags/");
    claims.iter().filter_map(|(name, value)| Some((name.strip_prefix(&flat)?, value))).try_for_each(|(key, value)| tag(key, value))?;
    let transitive = nested.and_then(|nested| nested.get("transitive_tag_keys")).or_else(|| claims.get(&format!("{TAGS}/transitive_tag_keys")));
    Tags::checked(all, texts(transitive))
}

/// A text or a number, or a list of them.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(value @ (Value::Number(_) | Value::Bool(_))) => vec![value.to_string()],
        Some(Value::Array(values)) => values.iter().flat_map(|value| texts(Some(value))).collect(),
        Some(Value::Object(_) | Value::Null) | None => Vec::new(),
    }
}

fn missing(claim: &str) -> Fault {
    invalid(&format!("Missing a required claim: {claim}"))
}

fn no_key() -> Fault {
    invalid("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
}
