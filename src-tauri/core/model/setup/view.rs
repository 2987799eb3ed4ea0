//! A plan as a person is shown it: before, while it is applied, after, and when it was undone.
//!
//! One shape for the window, the command line's JSON and the journal's list. What a step sends is its `request`, in AWS's own
//! parameter names; a secret is never part of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    error::Error,
    model::{
        file_diff::DiffLine,
        practice::{DocumentView, StatementView},
        profile::ProfileName,
    },
};

/// A plan and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupView {
    /// Names it: `user-dana-20261123T101500-7f3a`.
    pub id: String,
    /// `user`, `role`, `group`, `change`, `rotate`, `import`, `revoke`.
    pub kind: String,
    /// `New IAM user dana`
    pub title: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// The accounts that it changes, the first one in front; none where it is about this computer only.
    pub accounts: Vec<SetupAccount>,
    /// Where it stands.
    pub state: SetupState,
    /// In the order in which they are done.
    pub steps: Vec<SetupStep>,
    /// What is shown by really calling, after the steps.
    #[serde(rename = "verification")]
    pub proofs: Vec<SetupProof>,
    /// What a person should know before it is applied: a wildcard, a role that serves another purpose already.
    pub warnings: Vec<String>,
    /// What the admin profiles lack; nothing is sent while there is any.
    pub missing: Vec<MissingPermission>,
    /// Texts for others: the message to a third party.
    pub notes: Vec<SetupNote>,
    /// Why it stopped.
    pub error: Option<Error>,
    /// What it waits for until then: the old key's end in a rotation.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub waits_until: Option<OffsetDateTime>,
    /// Whether there is something to undo.
    pub undoable: bool,
    /// Whether it can be gone on with.
    pub resumable: bool,
    /// What cannot be undone any more, in words.
    pub left: Vec<String>,
    /// Grows with every change of this view.
    #[cfg_attr(test, ts(type = "number"))]
    pub revision: u64,
}

/// An account of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupAccount {
    /// 12 digits.
    pub account_id: String,
    /// Where it may be seen.
    pub alias: Option<String>,
    /// The admin profile.
    pub profile: ProfileName,
    /// Who that is there.
    pub arn: String,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum SetupState {
    /// Nothing was sent, and it can be.
    Planned,
    /// Nothing was sent, and it cannot be: a conflict or a missing permission.
    Blocked,
    /// Nothing to do: everything is there.
    Nothing,
    /// Under way.
    Applying,
    /// It stopped at a failure or with its process.
    Stopped,
    /// It goes on at a later time.
    Waiting,
    /// All steps are done and all proofs as expected.
    Done,
    /// All steps are done and a proof went otherwise: the setup has a defect.
    Defect,
    /// Being undone.
    Undoing,
    /// Taken back.
    Undone,
}

/// What becomes of what a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is made.
    New,
    /// It is there as it should be.
    Exists,
    /// It becomes another.
    Change,
    /// It goes.
    Remove,
    /// Something is in the way.
    Conflict,
    /// It could not be looked at.
    Unknown,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not yet.
    Pending,
    /// Nothing to do.
    Exists,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// It failed, or cannot be done.
    Failed,
    /// Taken back.
    Undone,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupStep {
    /// Names it within its plan: `1`.
    pub id: String,
    /// The AWS operation, `CreateUser`; what is done on this computer has names of its own: `WriteProfile`, `Wait`.
    pub action: String,
    /// `Create the IAM user dana under /people/`
    pub title: String,
    /// `Created the IAM user dana`
    pub done_title: String,
    /// `tagged team = payments`
    pub detail: String,
    /// In which account; `None`: on this computer.
    pub account_id: Option<String>,
    /// What becomes of what it is about.
    pub standing: Standing,
    /// How far it is.
    pub state: StepState,
    /// The parameters, by AWS's names. No secret.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub request: Value,
    /// The policy that it writes.
    pub document: Option<DocumentView>,
    /// What it changes, line by line.
    pub diff: Vec<DiffLine>,
    /// What is in the way, or why it failed; the hint is the way out.
    pub error: Option<Error>,
    /// What the admin needs: `iam:CreateUser on arn:…`.
    pub permissions: Vec<String>,
    /// It cannot be undone.
    pub irreversible: bool,
    /// What it waits for, while it does.
    pub waits_for: Option<String>,
    /// What came of it: the new key's ID.
    pub made: Option<String>,
    /// In milliseconds.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub took: Option<u64>,
}

/// What a proof expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// AWS does it.
    Allowed,
    /// AWS refuses.
    Denied,
}

/// One call that shows that a setup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupProof {
    /// Names it within its plan: `p1`.
    pub id: String,
    /// `AssumeRole`
    pub action: String,
    /// `Assume the role deploy as dana`
    pub title: String,
    /// `Assumed the role deploy as dana`
    pub done_title: String,
    /// What must come of it.
    pub expected: Expected,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Expected>,
    /// How far it is; `Failed` where the outcome is another, or where it could not be called.
    pub state: StepState,
    /// What AWS said, or why it was not called.
    pub said: Option<String>,
    /// The statements that allow what should be refused.
    pub because: Vec<StatementView>,
    /// What it waits for, while it does.
    pub waits_for: Option<String>,
    /// In milliseconds.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub took: Option<u64>,
}

/// A permission that an admin profile lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct MissingPermission {
    /// Whose.
    pub profile: ProfileName,
    /// `iam:CreateUser`
    pub action: String,
    /// An ARN.
    pub resource: String,
    /// What decided, where it is known: an explicit deny, no statement, a boundary.
    pub why: String,
}

/// A text for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupNote {
    /// `For the third party`
    pub title: String,
    /// To be copied.
    pub text: String,
}

/// A plan that was applied, in the list of past setups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SetupLine {
    /// Names it.
    pub id: String,
    /// `user`, …
    pub kind: String,
    /// `New IAM user dana`
    pub title: String,
    /// When it was applied.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// The accounts.
    pub accounts: Vec<String>,
    /// Where it stands.
    pub state: SetupState,
    /// How many steps are done.
    pub done: u32,
    /// Of how many.
    pub steps: u32,
    /// Whether there is something to undo.
    pub undoable: bool,
    /// Whether it can be gone on with.
    pub resumable: bool,
    /// It goes on then.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub waits_until: Option<OffsetDateTime>,
}

/// What a plan can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// A script for `sh` that runs the AWS CLI.
    AwsCli,
    /// HCL.
    Terraform,
}
