//! `credential_process`: one JSON object, as every SDK reads it.
//!
//! SDKs differ in patience and in what they tolerate, so the document has every field they know and nothing else. It always has
//! an end: a tool that is given none never asks again.

use serde::Serialize;

use super::{Handed, rfc3339};
use crate::model::secret::{Secret, secret_json};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// The document for `credential_process`, on one line. `Expiration` is always there: without it a tool never asks again.
pub fn process(handed: &Handed) -> Secret {
    let document = Document {
        version: 1,
        access_key_id: handed.access_key_id.as_str(),
        secret_access_key: handed.secret_access_key.expose(),
        session_token: handed.session_token.as_ref().map(Secret::expose),
        expiration: rfc3339(handed.expiration),
        account_id: handed.account_id.as_deref(),
    };
    secret_json(&document).unwrap_or_else(|| Secret::new(""))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::access_key::AccessKeyId;

    #[test]
    fn has_exactly_what_the_sdks_read() {
        let handed = Handed {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new("wJalr/\"quoted\""),
            session_token: Some(Secret::new("token")),
            expiration: datetime!(2026-11-23 09:00:00.5 +1),
            account_id: Some("123456789012".to_owned()),
            region: None,
            endpoint_url: None,
        };
        let json: serde_json::Value = serde_json::from_str(process(&handed).expose()).expect("one JSON object");
        assert_eq!(
            json,
            serde_json::json!({"Version": 1, "AccessKeyId": "ASIAEXAMPLEEXAMPLE00", "SecretAccessKey": "wJalr/\"quoted\"", "SessionToken": "token",
                "Expiration": "2026-11-23T08:00:00Z", "AccountId": "123456789012"})
        );
    }

    #[test]
    fn a_long_lived_key_has_no_token_but_is_asked_for_again() {
        let handed = Handed {
            access_key_id: AccessKeyId::parse("AKIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new("s"),
            session_token: None,
            expiration: datetime!(2026-11-23 09:00 UTC),
            account_id: None,
            region: None,
            endpoint_url: None,
        };
        let json: serde_json::Value = serde_json::from_str(process(&handed).expose()).expect("one JSON object");
        assert_eq!(
            json,
            serde_json::json!({"Version": 1, "AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "SecretAccessKey": "s", "Expiration": "2026-11-23T09:00:00Z"})
        );
    }
}
