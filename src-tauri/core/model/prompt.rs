//! What a person is asked while programs wait: an MFA code, or whether a profile may be handed out.
//!
//! A prompt is part of the snapshot, so it outlives a page that is loaded anew. It names the program that asks as the system
//! knows it; command lines can hold secrets and are never in it, but for the name of a script.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::profile::ProfileName;
use crate::error::Error;

/// The program that asks, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AskerView {
    /// `aws`, `terraform`, `deploy.py`.
    pub name: String,
    /// Its executable, where the system tells it.
    pub executable: Option<String>,
    /// The script that the executable runs, where it is an interpreter.
    pub script: Option<String>,
    /// Its process ID.
    pub pid: Option<u32>,
    /// What started it, nearest first.
    pub parents: Vec<String>,
    /// The folder that it works in, with `~` where it is the home folder.
    pub folder: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// A code of an MFA device.
    MfaCode,
    /// Whether the profile may be handed out.
    Approval,
    /// Whether the profile may stop asking: a program wants to switch that off.
    StopAsking,
}

/// What an Allow gives away. What was allowed for one is not allowed for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// Temporary credentials, to the program.
    TemporaryCredentials,
    /// The long-lived access key itself, to the program: the profile hands that out.
    AccessKey,
    /// A link that signs in to the console.
    Console,
    /// A lease: a narrowed session of its own.
    Lease,
    /// Temporary credentials, into the credentials file for every program, as long as the session lasts.
    CredentialsFile,
    /// The long-lived access key, into a file in plain text.
    PlainKey,
}

impl Gives {
    /// The words for people: what follows “Allow gives …”.
    pub fn words(self) -> &'static str {
        match self {
            Self::TemporaryCredentials => "temporary credentials",
            Self::AccessKey => "the long-lived access key itself, which has no end",
            Self::Console => "a sign-in to the AWS console",
            Self::Lease => "a lease, narrowed and with an end",
            Self::CredentialsFile => "temporary credentials in the credentials file, for every program",
            Self::PlainKey => "the long-lived access key, written into a file as plain text",
        }
    }

    /// Whether a yes may stand for the next time: what lies in a file as plain text cannot be taken back.
    pub fn may_be_remembered(self) -> bool {
        match self {
            Self::TemporaryCredentials | Self::AccessKey | Self::Console | Self::Lease | Self::CredentialsFile => true,
            Self::PlainKey => false,
        }
    }
}

/// One question, and who waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PromptView {
    /// Names this question and never another.
    #[cfg_attr(test, ts(type = "number"))]
    pub id: u64,
    /// What is asked.
    pub kind: PromptKind,
    /// For which profile.
    pub profile: ProfileName,
    /// The role that it ends in; `None`: the access key's user.
    pub role_arn: Option<String>,
    /// The device whose code is asked for.
    pub mfa_serial: Option<String>,
    /// The way it is wanted: `process`, `environment`, `exec`, `console`, …
    pub way: String,
    /// What an Allow gives away; `None`: nothing at once, as where a profile is to stop asking.
    pub gives: Option<Gives>,
    /// Who asks, the first first, at most five.
    pub askers: Vec<AskerView>,
    /// How many wait.
    pub waiting: usize,
    /// The answer can be remembered for the program: it can be told from others.
    pub may_remember: bool,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub since: OffsetDateTime,
    /// When the last of them gives up.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub until: OffsetDateTime,
    /// Why the last answer was not taken.
    pub error: Option<Error>,
}

/// What a person says to a prompt. A code is said by starting the profile with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum PromptAnswer {
    /// Yes, this once: for those who wait now.
    Allow,
    /// Yes, and for the same program again until Stagedoor is locked or ends.
    AllowSession,
    /// No.
    Deny,
    /// Put away without an answer.
    Dismiss,
}
