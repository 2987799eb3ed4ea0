//! Temporary credentials, as STS hands them out.
//!
//! They deserialise and do not serialise, like every secret. Whether they may still be used is a question with a time in it, and
//! the caller brings the time.

use serde::Deserialize;
use time::{OffsetDateTime, UtcOffset};

use super::{access_key::AccessKeyId, secret::Secret};

/// Temporary credentials with the moment at which AWS stops accepting them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TemporaryCredentials {
    /// `ASIA…`
    pub access_key_id: AccessKeyId,
    /// Goes with the ID.
    pub secret_access_key: Secret,
    /// Goes with both.
    pub session_token: Secret,
    /// UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub expiration: OffsetDateTime,
    /// The account they are good for, where STS told it.
    #[serde(default)]
    pub account_id: Option<String>,
    /// The caller's ARN (`AssumedRoleUser`), where STS told it.
    #[serde(default)]
    pub arn: Option<String>,
}

impl TemporaryCredentials {
    /// Whether AWS would refuse them at `now`.
    pub fn expired(&self, now: OffsetDateTime) -> bool {
        self.expiration <= now
    }
}

/// The end of a session in UTC; `None`: none that could be reckoned with. Years at the edges of the calendar overflow with the
/// first hour that is added.
pub fn end(at: OffsetDateTime) -> Option<OffsetDateTime> {
    at.checked_to_offset(UtcOffset::UTC).filter(|at| (1970..=9998).contains(&at.year()))
}
