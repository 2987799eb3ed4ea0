//! How a profile's temporary credentials stand in `~/.aws/credentials`, where a person asked for that.
//!
//! Only what the window and the command line show; the file itself is written by the agent.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::Error;

/// One profile's section of the credentials file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct CredentialsFileView {
    /// The section's name.
    pub section: String,
    /// Until when the credentials that are written hold; `None`: none are written, because there is no session.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub expiration: Option<OffsetDateTime>,
    /// Why they could not be written or removed.
    pub error: Option<Error>,
}
