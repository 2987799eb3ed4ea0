//! What the snapshot says of Stagedoor itself: who answers, and the practice account.
//!
//! Parts of the snapshot that change seldom and concern no profile.

use serde::Serialize;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AgentView {
    /// Of the program.
    pub version: String,
    /// In the app, or without a window.
    pub windowless: bool,
    /// The path of the `stagedoor` program that `connect` writes.
    pub program: String,
    /// AWS's time less this computer's, as far as AWS told it: the moments in a snapshot are AWS's.
    #[cfg_attr(test, ts(type = "number"))]
    pub clock_offset_seconds: i64,
}

/// The practice account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct PracticeView {
    /// `http://127.0.0.1:PORT` while it runs.
    pub endpoint: Option<String>,
    /// The virtual MFA device of its user.
    pub mfa_serial: Option<String>,
    /// How many calls it answered. Another number: the overview is to be asked for again.
    #[cfg_attr(test, ts(type = "number"))]
    pub calls: u64,
}
