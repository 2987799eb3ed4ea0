//! What there is in an account to choose from, for a wizard: names and ARNs, as IAM lists them.
//!
//! Read once when a wizard opens. What may not be listed is missing here and told in `unseen`.

use serde::{Deserialize, Serialize};

use crate::model::profile::ProfileName;

/// An account as an admin profile sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AccountChoices {
    /// Who looked.
    pub profile: ProfileName,
    /// 12 digits.
    pub account_id: String,
    /// Its alias.
    pub alias: Option<String>,
    /// Who that profile is there.
    pub arn: String,
    /// `ListUsers`
    pub users: Vec<UserChoice>,
    /// `ListGroups`: names.
    pub groups: Vec<String>,
    /// `ListRoles`, without service-linked ones.
    pub roles: Vec<RoleChoice>,
    /// `ListPolicies`: customer managed ones first, then AWS's.
    pub policies: Vec<PolicyChoice>,
    /// `ListSAMLProviders` and `ListOpenIDConnectProviders`.
    pub providers: Vec<ProviderChoice>,
    /// What could not be listed, in words.
    pub unseen: Vec<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct UserChoice {
    /// `UserName`
    pub name: String,
    /// `Arn`
    pub arn: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct RoleChoice {
    /// `RoleName`
    pub name: String,
    /// `Arn`
    pub arn: String,
    /// `Description`
    pub description: Option<String>,
    /// Its trust policy, JSON.
    pub trust: String,
    /// Whom the trust policy names: `123456789012`, `user/dana`, `ec2.amazonaws.com`.
    pub trusts: Vec<String>,
}

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PolicyChoice {
    /// `PolicyName`
    pub name: String,
    /// `Arn`
    pub arn: String,
    /// AWS's own.
    pub aws: bool,
}

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ProviderChoice {
    /// Its ARN.
    pub arn: String,
    /// OpenID Connect, else SAML.
    pub oidc: bool,
}

/// A customer managed policy as it stands, for its editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PolicyText {
    /// Its ARN.
    pub arn: String,
    /// The newest first.
    pub versions: Vec<PolicyVersionChoice>,
}

/// One of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PolicyVersionChoice {
    /// `v2`
    pub id: String,
    /// It is in effect.
    pub default: bool,
    /// Its JSON, laid out.
    pub text: String,
}
