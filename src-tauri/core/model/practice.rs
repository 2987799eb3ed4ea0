//! What the window shows of the practice account: who exists, what was called and why it was allowed or refused, the exercise.
//!
//! Made when somebody looks; the snapshot only says that there is something new. No secret is in it: keys by their IDs,
//! devices by their serials. All of it is exported to TypeScript.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Everything on the practice account's own screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PracticeOverview {
    /// One's own account first.
    pub accounts: Vec<AccountView>,
    /// The last calls, newest first.
    pub calls: Vec<CallView>,
    /// The guided exercise.
    pub exercise: ExerciseView,
    /// What was made since the start, and what a reset takes away: `user sam`, `role Reports`, with the account where it is not one's own.
    pub made: Vec<String>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AccountView {
    /// 12 digits.
    pub account_id: String,
    /// What it is called: `Partner`.
    pub title: String,
    /// Its alias.
    pub alias: Option<String>,
    /// One's own, where one's users are.
    pub own: bool,
    /// By name.
    pub users: Vec<UserView>,
    /// By name.
    pub groups: Vec<GroupView>,
    /// By name.
    pub roles: Vec<IamRoleView>,
}

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct UserView {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its access keys.
    pub keys: Vec<AccessKeyView>,
    /// The serials of its MFA devices.
    pub mfa_devices: Vec<String>,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// The names of its policies, inline ones first.
    pub policies: Vec<String>,
    /// The name of its permissions boundary.
    pub boundary: Option<String>,
}

/// An access key by its ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AccessKeyView {
    /// `AKIA…`
    pub access_key_id: String,
    /// Whether it can sign.
    pub active: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Names of users.
    pub members: Vec<String>,
    /// The names of its policies.
    pub policies: Vec<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct IamRoleView {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its description.
    pub description: Option<String>,
    /// Who may assume it.
    pub trusts: Vec<TrustView>,
    /// The names of its policies.
    pub policies: Vec<String>,
    /// The name of its permissions boundary.
    pub boundary: Option<String>,
    /// Sessions that were issued before this are refused.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub revoked_before: Option<OffsetDateTime>,
}

/// One statement of a trust policy about one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct TrustView {
    /// `user alice`, `account 123456789012`, `ec2.amazonaws.com`, `everybody`, or a unique ID whose owner was deleted.
    pub who: String,
    /// A statement that forbids.
    pub denied: bool,
    /// It asks for MFA.
    pub mfa: bool,
    /// The external IDs that it asks for, any of them.
    pub external_ids: Vec<String>,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct CallView {
    /// Names it.
    pub id: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// `sts`, `iam`, `s3`, …
    pub service: String,
    /// `AssumeRole`
    pub action: String,
    /// The caller's ARN; empty where nobody was recognised.
    pub who: String,
    /// What it was about.
    pub resource: Option<String>,
    /// AWS's code, where it was refused.
    pub error_code: Option<String>,
    /// AWS's sentence, where it was refused.
    pub error_message: Option<String>,
    /// Each question to the policies, in order; the last one refused, if any did.
    pub decisions: Vec<DecisionView>,
}

/// One question to the policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct DecisionView {
    /// `sts:AssumeRole`
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// The answer.
    pub allowed: bool,
    /// The statements that applied. Refused without any: nothing allows it.
    pub because: Vec<StatementView>,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// On the user, its groups or the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Given with the session.
    Session,
    /// On the resource: a role's trust policy, a bucket policy.
    Resource,
}

/// A statement that applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct StatementView {
    /// The name of the policy that it stands in.
    pub policy: String,
    /// Where that policy comes from.
    pub kind: PolicyKind,
    /// `Sid`
    pub sid: Option<String>,
    /// Its place in the policy, from 1.
    #[cfg_attr(test, ts(type = "number"))]
    pub number: usize,
    /// It forbids.
    pub denies: bool,
    /// The statement as JSON.
    pub text: String,
}

/// The guided exercise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ExerciseView {
    /// Six, in order.
    pub steps: Vec<StepView>,
    /// How many of them are done.
    #[cfg_attr(test, ts(type = "number"))]
    pub done: usize,
}

/// One step of the exercise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct StepView {
    /// `Ask for MFA`
    pub title: String,
    /// What will be done and why.
    pub about: String,
    /// What the button says.
    pub button: String,
    /// The policies that it writes, as they will be sent or were sent.
    pub documents: Vec<DocumentView>,
    /// What was called, and what AWS said.
    pub lines: Vec<LineView>,
}

/// A policy that a step writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct DocumentView {
    /// `Trust policy of the role Reports`
    pub title: String,
    /// JSON.
    pub text: String,
}

/// One call of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct LineView {
    /// `Was refused the role without an MFA code`
    pub what: String,
    /// Why AWS answered so, in plain words.
    pub why: String,
    /// It went as the step said: a refusal that was wanted is right.
    pub as_planned: bool,
    /// The call, as it stands in the list of calls.
    pub call: Option<CallView>,
}
