//! A named profile: the merged properties of one section in both AWS files.
//!
//! The merging follows the SDKs, and our own notation counts as what it stands for, so that a connected profile looks to the rest
//! of the product as it did before. The text of the files is kept elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of a profile. Any text without line breaks that is not empty; AWS itself allows `A-Z a-z 0-9 - / . % @ _ : +`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "string"))]
#[serde(transparent)]
pub struct ProfileName(pub(crate) String);

impl ProfileName {
    /// A name as somebody asked for it; whether there is such a profile is another question.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The one that the environment selects: `AWS_PROFILE`, else `default`.
    pub fn selected(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        Self(set("AWS_PROFILE").or_else(|| set("AWS_DEFAULT_PROFILE")).unwrap_or_else(|| "default".to_owned()))
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
    /// A session token lies in one of the files: the credentials there are temporary.
    pub session_token: bool,
}

impl Profile {
    /// One effective property; an empty one counts as absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What it is, by its properties alone and in the order in which the SDKs look.
    pub fn kind(&self) -> ProfileKind {
        let has = |key: &str| self.get(key).is_some();
        if has("web_identity_token_file") {
            ProfileKind::WebIdentity
        } else if has("role_arn") {
            ProfileKind::Role
        } else if has("credential_source") {
            ProfileKind::Environment
        } else if ["sso_session", "sso_start_url"].into_iter().any(has) {
            ProfileKind::IdentityCenter
        } else if has("login_session") {
            ProfileKind::Login
        } else if has("credential_process") {
            ProfileKind::Process
        } else if has("stagedoor_access_key_id") || has("aws_access_key_id") {
            ProfileKind::AccessKey
        } else {
            ProfileKind::Unresolved
        }
    }

    /// The 12 digits of its account, as far as the files tell.
    pub fn account_id(&self) -> Option<&str> {
        let of_arn = |key| self.get(key).and_then(|arn| arn.split(':').nth(4)).filter(|id| !id.is_empty());
        of_arn("role_arn").or_else(|| self.get("aws_account_id")).or_else(|| self.get("sso_account_id")).or_else(|| of_arn("login_session"))
    }

    /// An entry of `stagedoor profiles --json`, with how its session stands.
    pub fn listed<S: Serialize>(&self, session: Option<S>) -> Listed<'_, S> {
        Listed {
            name: &self.name,
            kind: self.kind(),
            region: self.get("region"),
            account_id: self.account_id(),
            role_arn: self.get("role_arn"),
            source_profile: self.get("source_profile"),
            connected: self.connected,
            session,
            properties: &self.properties,
        }
    }

    /// The same as a value, without a session.
    pub fn json(&self) -> Value {
        serde_json::to_value(self.listed(None::<()>)).unwrap_or_default()
    }
}

/// A profile as `stagedoor profiles --json` lists it.
#[derive(Debug, Serialize)]
pub struct Listed<'a, S> {
    name: &'a str,
    kind: ProfileKind,
    region: Option<&'a str>,
    account_id: Option<&'a str>,
    role_arn: Option<&'a str>,
    source_profile: Option<&'a str>,
    connected: bool,
    session: Option<S>,
    properties: &'a BTreeMap<String, String>,
}
