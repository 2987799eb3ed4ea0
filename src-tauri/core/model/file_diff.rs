//! What an edit changes in a file, line by line, as a person is shown it. Secrets are not in it.
//!
//! Made in `store/aws_files/diff.rs`, shown by the window and the command line.

use serde::{Deserialize, Serialize};

/// The changes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct FileDiff {
    /// The file, with `~` where it lies in the home folder.
    pub path: String,
    /// How many lines are new.
    pub added: u32,
    /// How many lines are gone.
    pub removed: u32,
    /// The changed lines with some around them.
    pub lines: Vec<DiffLine>,
    /// How many lines are not shown because there are too many.
    pub left_out: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct DiffLine {
    /// What becomes of it.
    pub kind: DiffKind,
    /// Its number in the old file.
    pub old: Option<u32>,
    /// Its number in the new file.
    pub new: Option<u32>,
    /// What it says; a secret is `••••`.
    pub text: String,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// It stays.
    Same,
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// Lines that stay are left out here.
    Gap,
}
