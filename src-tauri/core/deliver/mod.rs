//! Credentials out: one file per delivery. Pure: each turns what is handed out into the text that a tool reads.
//!
//! Whether something may be handed out is decided before, by the agent. A secret leaves this folder only inside a `Secret` or a
//! buffer that is wiped.

pub mod console;
mod container;
mod environment;
mod process;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    container::{container, container_refusal, container_variables},
    environment::{STALE, environment, unset, variables},
    process::process,
};
use crate::model::{access_key::AccessKeyId, credentials::TemporaryCredentials, secret::Secret};

/// What a tool gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// `ASIA…`, or `AKIA…` where the person allowed that.
    pub access_key_id: AccessKeyId,
    /// Goes with it.
    pub secret_access_key: Secret,
    /// Absent only with a long-lived key.
    pub session_token: Option<Secret>,
    /// When to ask again.
    pub expiration: OffsetDateTime,
    /// 12 digits, where known.
    pub account_id: Option<String>,
    /// The profile's Region, where it has one.
    pub region: Option<String>,
    /// The profile's own `endpoint_url`, where it has one.
    pub endpoint_url: Option<String>,
}

impl Handed {
    /// Temporary credentials as they are.
    pub fn temporary(credentials: &TemporaryCredentials, region: Option<String>, endpoint_url: Option<String>) -> Self {
        Self {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret_access_key.clone(),
            session_token: Some(credentials.session_token.clone()),
            expiration: credentials.expiration,
            account_id: credentials.account_id.clone(),
            region,
            endpoint_url,
        }
    }
}

/// A moment as AWS writes it: `2026-11-23T09:00:00Z`.
pub fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.checked_to_offset(time::UtcOffset::UTC).unwrap_or(at);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
