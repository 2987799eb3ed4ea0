//! Access keys: the long-lived pair that belongs in the keychain and nowhere else.
//!
//! An ID may be shown and is checked by its alphabet; a secret is only checked for being one word, because AWS names no pattern
//! for it. Errors never repeat what was typed: people paste the one into the field of the other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::error::{Error, Result};

/// An access key ID (`AKIA…`, `ASIA…`): 16 to 128 letters, digits and `_`. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "string"))]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// Parses an access key ID; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let valid = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        // A secret pasted into the wrong field must not come back in an error, so the value is not shown.
        valid.then(|| Self(text.to_owned())).ok_or_else(|| {
            Error::new(
                crate::error::Code::InvalidValue,
                "That is no access key ID",
                "An access key ID has 16 to 128 letters and digits and usually begins with AKIA",
            )
        })
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the prefix says that it belongs to temporary credentials.
    pub fn is_temporary(&self) -> bool {
        self.0.starts_with("ASIA")
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> Self {
        id.0
    }
}

/// An access key: its ID and its secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct AccessKey {
    /// `AKIA…`
    pub id: AccessKeyId,
    /// 40 characters from AWS; any other length is taken as it is.
    pub secret: Secret,
}

impl AccessKey {
    /// Parses the two halves as a person types them.
    pub fn parse(id: &str, secret: Secret) -> Result<Self> {
        let id = AccessKeyId::parse(id)?;
        if secret.expose().len() < 16 || secret.expose().contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::new(
                crate::error::Code::InvalidValue,
                "That is no secret access key",
                "A secret access key is one word of 40 characters; AWS shows it once, when the key is created",
            ));
        }
        Ok(Self { id, secret })
    }
}

/// As it comes from the window or the keychain.
#[derive(Deserialize)]
struct Unchecked {
    id: String,
    secret: Secret,
}

impl TryFrom<Unchecked> for AccessKey {
    type Error = Error;
    fn try_from(unchecked: Unchecked) -> Result<Self> {
        Self::parse(&unchecked.id, unchecked.secret)
    }
}
