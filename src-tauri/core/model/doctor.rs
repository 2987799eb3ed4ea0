//! What the doctor finds: pure data, as `stagedoor doctor --json` and the window show it.
//!
//! A finding says what is so, why that matters and how it is mended. There is no secret in it: of variables and keys that hold
//! one it is only told that they are there, and where.

use serde::{Deserialize, Serialize};

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct DoctorReport {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What each profile resolves to, and why.
    pub profiles: Vec<ProfileFinding>,
    /// The files that were looked at.
    pub files: Vec<FileFinding>,
    /// The variables that were looked at.
    pub variables: Vec<VariableFinding>,
}

/// How bad it is. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something does not work, or a secret lies open.
    Problem,
    /// It works, and not as somebody may think.
    Warning,
    /// Good to know.
    Info,
    /// As it should be.
    Ok,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, optional_fields))]
pub struct Finding {
    /// What kind of finding, for programs: `keychain_locked`.
    pub id: String,
    /// How bad it is.
    pub level: Level,
    /// What it concerns: `files`, `profiles`, `variables`, `keychain`, `agent`, `socket`, `clock`, `network`, `desktop`, `computer`.
    pub about: String,
    /// One sentence, no full stop.
    pub title: String,
    /// Why that is so, or what comes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do: a sentence or a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// What Stagedoor can do about it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Mending>,
}

/// What Stagedoor can do about a finding by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Mending {
    /// Move the plaintext access key of a profile into the keychain.
    Import {
        /// Whose.
        profile: String,
    },
    /// Write the `credential_process` line of a profile anew.
    Connect {
        /// Whose.
        profile: String,
    },
    /// Make a file or folder readable for its owner only.
    MakePrivate {
        /// Which.
        path: String,
    },
}

/// What a profile resolves to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, optional_fields))]
pub struct ProfileFinding {
    /// Its name.
    pub profile: String,
    /// In a sentence; `null`: it does not resolve.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub resolves: Option<String>,
    /// Which lines decide, and what loses against them: a sentence each.
    pub because: Vec<String>,
    /// Why it does not resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::error::Error>,
}

/// A file or folder that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, optional_fields))]
pub struct FileFinding {
    /// With `~` where it is in the home folder.
    pub path: String,
    /// What it is for.
    pub what: String,
    /// Whether there is anything.
    pub found: bool,
    /// `0600`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Where a symbolic link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Why it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A variable that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct VariableFinding {
    /// `AWS_PROFILE`
    pub name: String,
    /// In whose environment: `terminal` (of the command) or `agent`.
    pub of: String,
    /// Its value; `null` where it is a secret.
    pub value: Option<String>,
}

impl Finding {
    /// A finding of its parts; what else there is to say is added.
    pub fn new(id: &str, level: Level, about: &str, title: impl Into<String>) -> Self {
        Self { id: id.to_owned(), level, about: about.to_owned(), title: title.into(), detail: None, mend: None, action: None }
    }

    /// An error as a finding.
    pub fn of_error(id: &str, level: Level, about: &str, error: &crate::error::Error) -> Self {
        Self::new(id, level, about, &error.message).mended_by(&error.hint)
    }

    /// Why that is so.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// What to do.
    #[must_use]
    pub fn mended_by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    /// What Stagedoor can do.
    #[must_use]
    pub fn doing(self, action: Mending) -> Self {
        Self { action: Some(action), ..self }
    }
}

impl DoctorReport {
    /// The worst first; equals stay in the order in which they were found.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.findings.sort_by_key(|finding| finding.level);
        self
    }

    /// Whether anything does not work.
    pub fn has_problem(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Problem)
    }
}
