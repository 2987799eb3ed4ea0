//! The container endpoint's documents, as every SDK reads them, and the variables that lead a tool there.
//!
//! An SDK that was led there asks again by itself before the credentials end, so a command that runs for days keeps working. The
//! documents have no form for a key without a session token, so only temporary credentials go this way.

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Handed, rfc3339};
use crate::model::secret::{Secret, secret_json};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// The document of a container endpoint; `None` for what has no session token.
pub fn container(handed: &Handed) -> Option<Secret> {
    let document = Document {
        access_key_id: handed.access_key_id.as_str(),
        secret_access_key: handed.secret_access_key.expose(),
        token: handed.session_token.as_ref()?.expose(),
        expiration: rfc3339(handed.expiration),
        account_id: handed.account_id.as_deref(),
    };
    secret_json(&document)
}

/// Why there are none: the SDKs show it to the person.
pub fn container_refusal(code: &str, message: &str) -> String {
    serde_json::json!({ "code": code, "message": message }).to_string()
}

/// The variables that lead a tool to the endpoint. Those of [`super::STALE`] that are not among them are to be cleared.
pub fn container_variables(url: &str, token: &Secret, handed: &Handed) -> Vec<(&'static str, Zeroizing<String>)> {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let mut set = vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", text(url)), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", text(token.expose()))];
    set.extend(super::environment::surroundings(handed));
    set
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::access_key::AccessKeyId;

    fn handed(token: Option<&str>) -> Handed {
        Handed {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new("wJalr/\"quoted\""),
            session_token: token.map(Secret::new),
            expiration: datetime!(2026-11-23 09:00:00.5 +1),
            account_id: Some("123456789012".to_owned()),
            region: Some("eu-central-1".to_owned()),
            endpoint_url: None,
        }
    }

    #[test]
    fn has_exactly_what_the_sdks_read() {
        let json: serde_json::Value = serde_json::from_str(container(&handed(Some("t"))).expect("it has a token").expose()).expect("one JSON object");
        assert_eq!(
            json,
            serde_json::json!({"AccessKeyId": "ASIAEXAMPLEEXAMPLE00", "SecretAccessKey": "wJalr/\"quoted\"", "Token": "t",
                "Expiration": "2026-11-23T08:00:00Z", "AccountId": "123456789012"})
        );
    }

    #[test]
    fn a_key_without_a_token_has_no_document() {
        assert!(container(&handed(None)).is_none());
    }

    #[test]
    fn the_variables_hold_no_credentials() {
        let names: Vec<_> = container_variables("http://127.0.0.1:1/", &Secret::new("t"), &handed(Some("t"))).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"]);
    }
}
