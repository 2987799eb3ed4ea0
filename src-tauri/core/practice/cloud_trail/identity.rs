//! `userIdentity`: who made a call, in the kinds that CloudTrail knows, with what a session says of its origin.
//!
//! Only IAM users and those whom an identity provider vouched for have a `userName` of their own; a role's name stands in the
//! session's issuer.

use serde_json::{Map, Value, json};

use super::super::{
    record::{Call, Issuer, Session},
    time_text,
};

/// The caller as the account reads it.
pub(super) fn of(event: &Call, account: &str) -> Value {
    if event.account_id != account {
        return json!({"type": "AWSAccount", "principalId": event.principal_id, "accountId": event.account_id});
    }
    let path = event.principal_arn.splitn(6, ':').nth(5);
    let kind = match (event.action.as_str(), path) {
        ("AssumeRoleWithSAML", _) => return vouched("SAMLUser", event),
        ("AssumeRoleWithWebIdentity", _) => return vouched("WebIdentityUser", event),
        (_, Some("root")) => "Root",
        (_, Some(path)) if path.starts_with("assumed-role/") => "AssumedRole",
        (_, Some(path)) if path.starts_with("federated-user/") => "FederatedUser",
        (_, Some(_)) => "IAMUser",
        (_, None) => "Unknown",
    };
    let mut identity = Map::new();
    let texts = [
        ("type", kind),
        ("principalId", &event.principal_id),
        ("arn", &event.principal_arn),
        ("accountId", &event.account_id),
        ("accessKeyId", &event.access_key_id),
        ("userName", if kind == "IAMUser" { user_name(event) } else { "" }),
    ];
    identity.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key.to_owned(), text.into())));
    if let Some(session) = &event.session {
        identity.insert("sessionContext".to_owned(), context(session, &event.account_id));
    }
    Value::Object(identity)
}

/// The last part of the caller's ARN: the user, the role session, `root`.
pub(super) fn user_name(event: &Call) -> &str {
    event.principal_arn.rsplit(['/', ':']).next().unwrap_or_default()
}

/// Somebody whom a provider vouched for: `PROVIDER:SUBJECT`, and with an audience between them on the web.
fn vouched(kind: &str, event: &Call) -> Value {
    let provider = event.principal_arn.split_once("oidc-provider/").map_or("", |(_, url)| url);
    let (own, subject) = match event.principal_id.strip_prefix(provider).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => (event.principal_arn.as_str(), rest.split_once(':').map_or(rest, |(_, subject)| subject)),
        None => event.principal_id.split_once(':').unwrap_or_default(),
    };
    json!({"type": kind, "principalId": event.principal_id, "userName": subject, "identityProvider": own})
}

fn context(session: &Session, account: &str) -> Value {
    let mut context = json!({
        "attributes": {"creationDate": time_text(session.since), "mfaAuthenticated": if session.mfa { "true" } else { "false" }},
    });
    if let Some(Issuer { kind, id, arn, name }) = &session.issuer {
        context["sessionIssuer"] = json!({"type": kind, "principalId": id, "arn": arn, "accountId": account, "userName": name});
    }
    if let Some(provider) = &session.provider {
        context["webIdFederationData"] = json!({"federatedProvider": provider, "attributes": {}});
    }
    if let Some(identity) = &session.source_identity {
        context["sourceIdentity"] = identity.as_str().into();
    }
    context
}
