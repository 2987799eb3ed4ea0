//! The names in a request, looked at before anything is done with them.
//!
//! A name may be any text, and some are remembered, written down or shown. So that nobody fills this agent's memory with them,
//! none is longer than any that a person gives.

use super::{FileEdit, FilesRequest, protocol::Request};
use crate::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
};

/// In bytes. AWS itself sets no limit.
const LONGEST: usize = 1024;

impl Request {
    /// Refuses a profile's name that nobody can have given.
    pub(super) fn check_names(&self) -> Result<()> {
        self.names().into_iter().try_for_each(check)
    }

    fn names(&self) -> Vec<&ProfileName> {
        match self {
            Self::CredentialProcess { profile }
            | Self::Exec { profile, .. }
            | Self::Endpoint { profile, .. }
            | Self::Environment { profile, .. }
            | Self::Start { profile, .. }
            | Self::Stop { profile }
            | Self::Console { profile, .. }
            | Self::WhoAmI { profile }
            | Self::AddAccessKey { profile, .. }
            | Self::Import { profile }
            | Self::Ask { profile, .. }
            | Self::WriteFile { profile, .. }
            | Self::WriteFileNoMore { profile } => vec![profile],
            Self::Lease { request, .. } => vec![&request.profile],
            Self::Files { ask: FilesRequest::Preview { wanted } | FilesRequest::Edit { wanted } } => match wanted {
                FileEdit::Connect { profiles, .. } | FileEdit::Disconnect { profiles } | FileEdit::Import { profiles } => profiles.iter().collect(),
                FileEdit::UndoImport { profile } | FileEdit::AddKey { profile, .. } => vec![profile],
                FileEdit::AddRole { role } => vec![&role.profile, &role.source_profile],
                FileEdit::ConnectAll | FileEdit::DisconnectAll | FileEdit::Restore { .. } => Vec::new(),
            },
            Self::Setup { ask } => ask.names(),
            Self::Files { ask: FilesRequest::Versions | FilesRequest::Diff { .. } }
            | Self::Hello
            | Self::StopAll
            | Self::Status
            | Self::Activity { .. }
            | Self::Doctor
            | Self::AddTotpSeed { .. }
            | Self::MfaCode { .. }
            | Self::MfaDevices
            | Self::Lock
            | Self::Unlock { .. }
            | Self::CreateVault { .. }
            | Self::ChangePassphrase { .. }
            | Self::Migrate { .. }
            | Self::Leases
            | Self::LeaseExec { .. }
            | Self::LeaseProcess { .. }
            | Self::StopLease { .. }
            | Self::ShowWindow
            | Self::Close => Vec::new(),
        }
    }
}

fn check(profile: &ProfileName) -> Result<()> {
    let length = profile.as_str().len();
    if length <= LONGEST {
        return Ok(());
    }
    Err(Error::new(
        Code::MissingProfile,
        format!("There is no profile whose name has {length} bytes: {LONGEST} are the most that is looked for"),
        "See the profiles that there are: stagedoor profiles",
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::choosing::tests::alone, *};

    #[test]
    fn a_name_that_nobody_gives_is_refused_in_every_request() {
        let long = "x".repeat(LONGEST + 1);
        for request in [
            r#"{"do":"stop","profile":"NAME"}"#,
            r#"{"do":"credential_process","profile":"NAME"}"#,
            r#"{"do":"files","ask":{"what":"edit","wanted":{"edit":"connect","profiles":["a","NAME"],"access_key":false}}}"#,
        ] {
            let named = |name: &str| serde_json::from_str::<Request>(&request.replace("NAME", name)).unwrap().check_names();
            named(&long[1..]).unwrap();
            let error = named(&long).unwrap_err();
            assert!(error.code == Code::MissingProfile && error.message.contains("1024") && !error.message.contains("xx"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn what_there_is_not_leaves_no_trace_when_it_is_stopped() {
        let home = tempfile::tempdir().unwrap();
        let agent = alone(home.path()).await;
        let name = ProfileName::new("nobody");
        assert_eq!(agent.stop(&name).await.unwrap_err().code, Code::MissingProfile);
        assert!(!agent.state().stopped(&name));
    }
}
