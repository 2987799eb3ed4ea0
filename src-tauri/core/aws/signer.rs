//! What signs a request: a long-lived key, or what an earlier call gave.
//!
//! The SDK gets the secrets just before the call, and its own types wipe nothing; so they are made for each call anew.

use aws_credential_types::Credentials;

use crate::model::{access_key::AccessKey, credentials::TemporaryCredentials};

/// What signs a request: a long-lived key or temporary credentials.
#[derive(Clone, Debug)]
pub enum Signer {
    /// An access key.
    Key(AccessKey),
    /// From a call before.
    Temporary(TemporaryCredentials),
}

impl Signer {
    /// As the SDK wants it.
    pub fn credentials(&self) -> Credentials {
        match self {
            Self::Key(key) => Credentials::new(key.id.as_str(), key.secret.expose(), None, None, "Stagedoor"),
            Self::Temporary(t) => {
                Credentials::new(t.access_key_id.as_str(), t.secret_access_key.expose(), Some(t.session_token.expose().to_owned()), None, "Stagedoor")
            }
        }
    }

    /// What no answer may repeat.
    pub(super) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Key(key) => vec![key.secret.expose()],
            Self::Temporary(t) => vec![t.secret_access_key.expose(), t.session_token.expose()],
        }
    }

    /// The access key ID, which is no secret.
    pub fn access_key_id(&self) -> &str {
        match self {
            Self::Key(key) => key.id.as_str(),
            Self::Temporary(t) => t.access_key_id.as_str(),
        }
    }
}
