//! What a step is about: one thing in an account or on this computer, by its address.
//!
//! What it is, or shall be, is a JSON value in AWS's own parameter names (`None`: it is not there), so that what is compared is
//! what is sent. Each is cut so small that one call makes it, changes it or takes it away: a crash finds it before or after.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    call::{last, name},
    documents,
};
use crate::model::{access_key::AccessKeyId, setup::PolicyHolder};

/// What a thing is; `None`: it is not there.
pub type State = Option<Value>;

/// The address of a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "thing", rename_all = "snake_case")]
pub enum Thing {
    /// A user: `Path`, `PermissionsBoundary`, `Tags`.
    User {
        /// `UserName`
        name: String,
    },
    /// A group: `Path`.
    Group {
        /// `GroupName`
        name: String,
    },
    /// A role: `Path`, `AssumeRolePolicyDocument`, `Description`, `MaxSessionDuration`, `PermissionsBoundary`, `Tags`.
    Role {
        /// `RoleName`
        name: String,
    },
    /// The trust policy of a role that is there: `PolicyDocument`.
    Trust {
        /// `RoleName`
        role: String,
    },
    /// `Description` and `MaxSessionDuration` of a role that is there.
    RoleSettings {
        /// `RoleName`
        role: String,
    },
    /// The boundary of a user or role that is there: `PermissionsBoundary`.
    Boundary {
        /// Whose.
        holder: PolicyHolder,
    },
    /// A tag of a user or role that is there: `Value`.
    Tag {
        /// Whose.
        holder: PolicyHolder,
        /// `Key`
        key: String,
    },
    /// That a user is in a group.
    Member {
        /// `UserName`
        user: String,
        /// `GroupName`
        group: String,
    },
    /// An inline policy: `PolicyDocument`.
    Inline {
        /// Where it lies.
        holder: PolicyHolder,
        /// `PolicyName`
        name: String,
    },
    /// That a managed policy is attached.
    Attached {
        /// To what.
        holder: PolicyHolder,
        /// `PolicyArn`
        policy: String,
    },
    /// A customer managed policy: `Path`, `PolicyDocument`, `Description`.
    Policy {
        /// `Arn`
        arn: String,
    },
    /// What the default version of a managed policy says: `PolicyDocument`, and the `VersionId` that says it.
    DefaultDocument {
        /// `PolicyArn`
        policy: String,
    },
    /// Which version is the default: `VersionId`.
    DefaultVersion {
        /// `PolicyArn`
        policy: String,
    },
    /// A version of a managed policy: `PolicyDocument`. It can only go.
    Version {
        /// `PolicyArn`
        policy: String,
        /// `VersionId`
        version: String,
    },
    /// An instance profile: `Path`.
    InstanceProfile {
        /// `InstanceProfileName`
        name: String,
    },
    /// That a role is in an instance profile.
    InstanceRole {
        /// `InstanceProfileName`
        profile: String,
        /// `RoleName`
        role: String,
    },
    /// A new access key of a user, its secret in the keychain. Its value: the IDs of the keys that are there.
    NewKey {
        /// `UserName`
        user: String,
    },
    /// Whether a key is active: `Status`.
    KeyStatus {
        /// `UserName`
        user: String,
        /// `AccessKeyId`
        key: AccessKeyId,
    },
    /// A key that goes for ever: its `Status`.
    OldKey {
        /// `UserName`
        user: String,
        /// `AccessKeyId`
        key: AccessKeyId,
    },
    /// A virtual MFA device, its seed in the keychain: `Path`.
    Device {
        /// `SerialNumber`
        serial: String,
    },
    /// That a device is a user's.
    DeviceOf {
        /// `UserName`
        user: String,
        /// `SerialNumber`
        serial: String,
    },
    /// Named profiles on this computer: for each its properties, and whether it is handed out.
    Profiles {
        /// Their names.
        names: Vec<String>,
    },
    /// Which access key a profile has: `AccessKeyId`.
    ProfileKey {
        /// Its name.
        profile: String,
    },
    /// The access key of a profile, out of the plain file and into the keychain: `Place`.
    KeyPlace {
        /// Its name.
        profile: String,
    },
    /// What this computer keeps of a role's or a key's sessions. It can only go.
    LocalSessions {
        /// A role's ARN, or an access key's ID.
        of: String,
    },
    /// A while that passes: `Until`.
    Pause {
        /// What for, in words.
        what: String,
    },
}

impl Thing {
    /// Whether two states of it mean the same. Policies are compared by what they say, not how it is written.
    pub fn same(&self, a: &State, b: &State) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => self.same_value(a, b),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn same_value(&self, a: &Value, b: &Value) -> bool {
        match self {
            // A new version that says the same is not wanted.
            Self::DefaultDocument { .. } => same_text(a.get("PolicyDocument"), b.get("PolicyDocument")),
            _ => same(a, b),
        }
    }

    /// What it is, in words: `the inline policy AssumeRoles of dana`.
    pub fn told(&self) -> String {
        match self {
            Self::User { name } => format!("the user {name}"),
            Self::Group { name } => format!("the group {name}"),
            Self::Role { name } => format!("the role {name}"),
            Self::Trust { role } => format!("the trust policy of {role}"),
            Self::RoleSettings { role } => format!("the description or the longest session of {role}"),
            Self::Boundary { holder } => format!("the permissions boundary of {}", name(holder)),
            Self::Tag { holder, key } => format!("the tag {key} of {}", name(holder)),
            Self::Member { user, group } => format!("the membership of {user} in {group}"),
            Self::Inline { holder, name: policy } => format!("the inline policy {policy} of {}", name(holder)),
            Self::Attached { holder, policy } => format!("the policy {} attached to {}", last(policy), name(holder)),
            Self::Policy { arn } => format!("the policy {}", last(arn)),
            Self::DefaultDocument { policy } | Self::DefaultVersion { policy } => format!("the default version of {}", last(policy)),
            Self::Version { policy, version } => format!("the version {version} of {}", last(policy)),
            Self::InstanceProfile { name } => format!("the instance profile {name}"),
            Self::InstanceRole { profile, role } => format!("the role {role} in the instance profile {profile}"),
            Self::NewKey { user } => format!("the new access key of {user}"),
            Self::KeyStatus { user, key } => format!("the status of {user}’s access key {key}"),
            Self::OldKey { user, key } => format!("the access key {key} of {user}"),
            Self::Device { serial } => format!("the MFA device {serial}"),
            Self::DeviceOf { user, serial } => format!("the MFA device {} of {user}", last(serial)),
            Self::Profiles { names } => format!("the profiles {}", names.join(", ")),
            Self::ProfileKey { profile } => format!("the access key of the profile {profile}"),
            Self::KeyPlace { profile } => format!("where the access key of the profile {profile} lies"),
            Self::LocalSessions { of } => format!("the sessions of {of} on this computer"),
            Self::Pause { what } => what.clone(),
        }
    }

    /// Whether it is in an account, and not on this computer.
    pub const fn is_remote(&self) -> bool {
        !matches!(self, Self::Profiles { .. } | Self::ProfileKey { .. } | Self::KeyPlace { .. } | Self::LocalSessions { .. } | Self::Pause { .. })
    }
}

/// Policies by what they say, tags in any order, everything else as it stands.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| {
                    b.get(key).is_some_and(|other| match key.as_str() {
                        "PolicyDocument" | "AssumeRolePolicyDocument" => same_text(Some(value), Some(other)),
                        "Tags" => same_tags(value, other),
                        _ => value == other,
                    })
                })
        }
        _ => a == b,
    }
}

fn same_text(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(Value::as_str), b.and_then(Value::as_str)) {
        (Some(a), Some(b)) => documents::same(a, b),
        _ => a == b,
    }
}

fn same_tags(a: &Value, b: &Value) -> bool {
    let sorted = |tags: &Value| {
        let mut tags: Vec<String> = tags.as_array().into_iter().flatten().map(Value::to_string).collect();
        tags.sort_unstable();
        tags
    };
    sorted(a) == sorted(b)
}
