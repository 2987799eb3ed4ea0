//! A named profile: the merged properties of one section in both AWS files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The name of a profile. Any text without line breaks that is not empty; AWS itself allows `A-Z a-z 0-9 - / . % @ _ : +`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "string"))]
#[serde(transparent)]
pub struct ProfileName(pub(crate) String);

impl ProfileName {
    /// A name as somebody asked for it; whether there is such a profile is another question.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProfileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a profile is, by its properties alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum ProfileKind {
    /// An access key, in a file or in the keychain.
    AccessKey,
    /// `role_arn`.
    Role,
    /// `sso_session` or `sso_start_url`.
    IdentityCenter,
    /// `web_identity_token_file`.
    WebIdentity,
    /// Reserved: no AWS file has a notation for it yet.
    Saml,
    /// `login_session`.
    Login,
    /// A foreign `credential_process`.
    Process,
    /// Reserved: GetFederationToken.
    Federation,
    /// `credential_source` without a role.
    Environment,
    /// Nothing that leads to credentials.
    Unresolved,
}

/// A profile's merged properties. Keys are lower case; for a connected profile the `stagedoor_` names count as what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// As its section names it.
    pub name: String,
    /// The effective properties: what holds when our own `credential_process` line is not counted.
    pub properties: BTreeMap<String, String>,
    /// Whether our `credential_process` line hands this profile out.
    pub connected: bool,
    /// The secret access key lies in one of the files as plain text.
    pub plaintext_key: bool,
}

impl Profile {
    /// One effective property.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }
}
