//! One change of what exists in IAM, as it is wanted.
//!
//! A variant for each thing that a person changes; names and ARNs as they were typed, checked when a plan is made.

use serde::{Deserialize, Serialize};

use super::intent::{ExternalIdChoice, Trusted};
use crate::model::profile::ProfileName;

/// What a policy hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "holder", content = "name", rename_all = "snake_case")]
pub enum PolicyHolder {
    /// `UserName`
    User(String),
    /// `GroupName`
    Group(String),
    /// `RoleName`
    Role(String),
}

/// One change of what exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ChangeIntent {
    /// Who does it.
    pub admin: ProfileName,
    /// What changes.
    pub change: Change,
}

/// The changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, rename = "SetupChange"))]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Names somebody in a role's trust policy.
    AddPrincipal {
        /// `RoleName`
        role: String,
        /// Whom.
        who: Trusted,
    },
    /// Takes somebody out of it.
    RemovePrincipal {
        /// `RoleName`
        role: String,
        /// As the policy names it: an ARN, an account, `AIDA…`, a service.
        principal: String,
    },
    /// Sets or takes away `sts:ExternalId`, for principals of other accounts.
    ExternalId {
        /// `RoleName`
        role: String,
        /// `None`: none.
        external_id: Option<ExternalIdChoice>,
    },
    /// Sets or takes away the MFA condition.
    Mfa {
        /// `RoleName`
        role: String,
        /// Whether it is needed.
        require: bool,
        /// `aws:MultiFactorAuthAge`, in seconds.
        #[cfg_attr(test, ts(type = "number | null"))]
        max_age: Option<u32>,
    },
    /// Takes principals out of a trust policy that were deleted, or names the user that has the name now.
    MendTrust {
        /// `RoleName`
        role: String,
        /// Names the user that has this name now in its place.
        user: Option<String>,
    },
    /// Attaches a managed policy.
    Attach {
        /// To what.
        to: PolicyHolder,
        /// Its ARN.
        policy: String,
    },
    /// Detaches it.
    Detach {
        /// From what.
        from: PolicyHolder,
        /// Its ARN.
        policy: String,
    },
    /// A new default version of a managed policy.
    EditPolicy {
        /// Its ARN.
        policy: String,
        /// JSON.
        text: String,
        /// Where there are five versions: the oldest goes, which cannot be undone.
        drop_oldest: bool,
    },
    /// An earlier version is the default again.
    RollBack {
        /// Its ARN.
        policy: String,
        /// `v2`
        version: String,
    },
    /// An inline policy becomes a managed one, attached in its place.
    InlineToManaged {
        /// Where it lies.
        of: PolicyHolder,
        /// `PolicyName`
        policy: String,
        /// The managed policy's name; the same where there is none.
        name: Option<String>,
    },
}
