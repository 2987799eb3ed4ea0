//! What a person wants set up: one variant per plan kind.
//!
//! Text as it was typed; it is checked when a plan is made of it, so that a mistake comes back as a sentence about its field.
//! `admin` and `others` are profiles that may change IAM in their accounts: which account each is in, AWS says.

use serde::{Deserialize, Serialize};

use super::change::{ChangeIntent, PolicyHolder};
use crate::model::{access_key::AccessKeyId, profile::ProfileName};

/// What a plan is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Intent {
    /// An IAM user, ready to be used from this computer.
    User(UserIntent),
    /// A role and who may assume it.
    Role(RoleIntent),
    /// Members of a group may assume roles.
    Group(GroupIntent),
    /// One change of what exists.
    Change(ChangeIntent),
    /// A new access key in place of an old one.
    Rotate(RotateIntent),
    /// Access keys of plain files go into the keychain.
    Import(ImportIntent),
    /// Sessions or a key end now.
    Revoke(RevokeIntent),
}

/// A tag of a user or a role, or of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, rename = "SetupTag"))]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    #[serde(default)]
    pub value: String,
}

/// Where a policy lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum PolicyHome {
    /// In the user, role or group itself.
    #[default]
    Inline,
    /// As a customer managed policy, attached.
    Managed,
}

/// CreateUser and what belongs to it.
#[expect(clippy::struct_excessive_bools, reason = "each is a tick in the wizard and a flag of the command line")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct UserIntent {
    /// Who does it.
    pub admin: ProfileName,
    /// Admin profiles of other accounts, for trust policies of roles there.
    pub others: Vec<ProfileName>,
    /// `UserName`
    pub name: String,
    /// `Path`; `/` where there is none.
    pub path: Option<String>,
    /// `Tags`
    pub tags: Vec<Tag>,
    /// `PermissionsBoundary`: a policy's ARN.
    pub boundary: Option<String>,
    /// Groups that exist.
    pub groups: Vec<String>,
    /// An access key, straight into the keychain.
    pub access_key: bool,
    /// A virtual MFA device, its seed in the keychain; what the user may assume then needs it.
    pub mfa: bool,
    /// Role ARNs, exactly; one with a `*` needs `wildcard`.
    pub may_assume: Vec<String>,
    /// The person was warned of a `*` and wants it.
    pub wildcard: bool,
    /// Where the policy for `may_assume` lies.
    pub policy_home: PolicyHome,
    /// Where its managed policy has five versions already: the oldest goes, which cannot be undone.
    pub drop_oldest: bool,
    /// The user may manage its own keys and MFA device, and nothing else without MFA.
    pub self_service: bool,
    /// The named profile of the user; its name where there is none. One for each role is named `PROFILE-ROLE`.
    pub profile: Option<ProfileName>,
    /// `region` of the profiles.
    pub region: Option<String>,
    /// No profile is written.
    pub no_profiles: bool,
    /// Go on with a user that is there already.
    pub existing: bool,
}

/// Who may assume a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Trusted {
    /// A user of this account.
    User {
        /// `UserName`
        name: String,
    },
    /// The members of a group of this account: the role trusts the account, the group's policy allows it.
    Group {
        /// `GroupName`
        name: String,
    },
    /// Another account of one's own, whose policies decide for whom.
    Account {
        /// 12 digits.
        id: String,
    },
    /// Somebody else's account, with an external ID.
    ThirdParty {
        /// 12 digits.
        id: String,
    },
    /// An AWS service.
    Service {
        /// `ec2`, `lambda`, `ecs-tasks`, `codebuild`, or `NAME.amazonaws.com`.
        name: String,
    },
    /// A SAML provider of this account.
    Saml {
        /// `arn:aws:iam::ACCOUNT:saml-provider/NAME`
        arn: String,
    },
    /// An OpenID Connect provider of this account.
    Oidc {
        /// `arn:aws:iam::ACCOUNT:oidc-provider/HOST`
        arn: String,
        /// `HOST:aud`; of the provider's client IDs where there is none.
        #[serde(default)]
        audience: Option<String>,
        /// `HOST:sub`; may hold `*`.
        #[serde(default)]
        subject: Option<String>,
    },
}

/// `sts:ExternalId`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum ExternalIdChoice {
    /// A new one, made here.
    Auto,
    /// This one.
    Value(String),
}

/// What a role may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum RolePermission {
    /// A managed policy that exists.
    Managed {
        /// Its ARN.
        arn: String,
    },
    /// An inline policy.
    Document {
        /// `PolicyName`
        name: String,
        /// JSON.
        text: String,
    },
    /// Reading and writing in one bucket.
    Bucket {
        /// Its name.
        bucket: String,
    },
}

/// CreateRole and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct RoleIntent {
    /// Who does it.
    pub admin: ProfileName,
    /// Admin profiles of other accounts.
    pub others: Vec<ProfileName>,
    /// `RoleName`
    pub name: String,
    /// `Path`
    pub path: Option<String>,
    /// `Description`
    pub description: Option<String>,
    /// `Tags`
    pub tags: Vec<Tag>,
    /// `PermissionsBoundary`
    pub boundary: Option<String>,
    /// Who may assume it.
    pub trusted: Vec<Trusted>,
    /// `aws:MultiFactorAuthPresent` must be true, for people.
    pub require_mfa: bool,
    /// `aws:MultiFactorAuthAge`, in seconds.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub mfa_max_age: Option<u32>,
    /// `sts:ExternalId`; a third party always has one.
    pub external_id: Option<ExternalIdChoice>,
    /// `MaxSessionDuration` in seconds, 3600 to 43200.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub max_session: Option<u32>,
    /// Session tags that may be passed, each with the values it may have (`*` for any): `sts:TagSession` with `aws:RequestTag`.
    pub session_tags: Vec<Tag>,
    /// Who assumes it must pass a source identity: `sts:SetSourceIdentity`.
    pub source_identity: bool,
    /// What it may do.
    pub permissions: Vec<RolePermission>,
    /// Where EC2 is trusted: the instance profile that the role is put into; one of the role's name where there is none.
    pub instance_profile: Option<String>,
    /// Who hands the role to a service: gets `iam:PassRole` on exactly this role.
    pub deployer: Option<PolicyHolder>,
    /// A named profile on this computer that assumes it.
    pub profile: Option<ProfileName>,
    /// Its source profile; the one of the trusted user where there is one.
    pub source_profile: Option<ProfileName>,
    /// Go on with a role that is there already.
    pub existing: bool,
}

/// Members of a group may assume roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct GroupIntent {
    /// Who does it.
    pub admin: ProfileName,
    /// Admin profiles of the accounts that roles are in.
    pub others: Vec<ProfileName>,
    /// `GroupName`; created where there is none.
    pub name: String,
    /// Role ARNs, exactly.
    pub may_assume: Vec<String>,
    /// The person was warned of a `*` and wants it.
    pub wildcard: bool,
    /// Users that exist and become members.
    pub members: Vec<String>,
    /// Only with MFA.
    pub require_mfa: bool,
    /// Where its policy lies.
    pub policy_home: PolicyHome,
    /// Where its managed policy has five versions already: the oldest goes, which cannot be undone.
    pub drop_oldest: bool,
}

/// A new access key in place of an old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct RotateIntent {
    /// Whose key: a profile with an access key in the keychain.
    pub profile: ProfileName,
    /// Who does it; the key's own user where there is none.
    pub admin: Option<ProfileName>,
    /// How long the old key stays inactive before it is deleted, in seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub wait: u32,
    /// Where there are two keys already: the one that goes at once.
    pub drop: Option<AccessKeyId>,
}

/// Access keys of plain files go into the keychain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct ImportIntent {
    /// Whose; all that have one where there is none.
    pub profiles: Vec<ProfileName>,
}

/// Sessions or a key end now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct RevokeIntent {
    /// Who does it.
    pub admin: ProfileName,
    /// What ends.
    pub target: RevokeTarget,
}

/// What ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum RevokeTarget {
    /// All sessions of a role up to now.
    Role {
        /// `RoleName`, or its ARN.
        role: String,
    },
    /// An access key, made inactive.
    Key {
        /// `UserName`; found by the key where there is none.
        user: Option<String>,
        /// Its ID.
        key: AccessKeyId,
    },
}

impl Intent {
    /// As the plan's `kind` is told: `user`, `role`, `group`, `change`, `rotate`, `import`, `revoke`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Role(_) => "role",
            Self::Group(_) => "group",
            Self::Change(_) => "change",
            Self::Rotate(_) => "rotate",
            Self::Import(_) => "import",
            Self::Revoke(_) => "revoke",
        }
    }

    /// The profiles that it names.
    pub fn profiles(&self) -> Vec<&ProfileName> {
        match self {
            Self::User(it) => [&it.admin].into_iter().chain(&it.others).chain(&it.profile).collect(),
            Self::Role(it) => [&it.admin].into_iter().chain(&it.others).chain(&it.profile).chain(&it.source_profile).collect(),
            Self::Group(it) => [&it.admin].into_iter().chain(&it.others).collect(),
            Self::Change(it) => vec![&it.admin],
            Self::Rotate(it) => [&it.profile].into_iter().chain(&it.admin).collect(),
            Self::Import(it) => it.profiles.iter().collect(),
            Self::Revoke(it) => vec![&it.admin],
        }
    }
}
