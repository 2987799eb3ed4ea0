//! One session as `stagedoor status --json` shows it, and as it crosses the socket.
//!
//! What is shown of a session is decided where snapshots are made; here it is only picked from one. Its keys are fixed, because
//! scripts read them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    error::Error,
    model::{
        access_key::AccessKeyId,
        profile::ProfileName,
        snapshot::{SessionState, Snapshot},
    },
};

/// One session, as `stagedoor status --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Whose.
    pub profile: ProfileName,
    /// How it stands.
    pub state: SessionState,
    /// When its credentials end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expiration: Option<OffsetDateTime>,
    /// When they are renewed; `null`: a person is needed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub renews_at: Option<OffsetDateTime>,
    /// `ASIA…`
    pub access_key_id: Option<AccessKeyId>,
    /// How it was handed out.
    pub delivered: Vec<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

impl SessionLine {
    /// The sessions of a snapshot.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let line = |profile: &std::sync::Arc<crate::model::snapshot::ProfileView>| {
            let session = profile.session.as_ref()?;
            Some(Self {
                profile: profile.name.clone(),
                state: session.state,
                expiration: session.expiration,
                renews_at: session.renews_at,
                access_key_id: session.access_key_id.clone(),
                delivered: session.delivered.clone(),
                error: session.error.clone(),
            })
        };
        snapshot.profiles.iter().filter_map(line).collect()
    }
}
