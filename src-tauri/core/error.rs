//! One error for the whole product: what happened, and what to do next, apart.
//!
//! A [`Code`] exists only where somebody acts on it (the exit code of the CLI, the sheet a window opens). The message is one
//! sentence without a full stop; the hint is the next step. Neither ever holds a secret. On the wire: `{code, message, hint}`.
//! Constructors for one topic live beside that topic; here are those that several need.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// How much of what was typed an error tells again.
const ECHOED: usize = 200;

/// What a caller can act on. On the wire in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No profile of that name in either file.
    MissingProfile,
    /// A role profile names a source profile that does not exist, or none at all.
    MissingSource,
    /// Source profiles lead back to where they began.
    CredentialLoop,
    /// Both `source_profile` and `credential_source`.
    BothSources,
    /// A value is not what AWS accepts: ARN, duration, session name, seed, file syntax.
    InvalidValue,
    /// The profile has nothing to get credentials from, or its access key is not in the keychain.
    NoCredentials,
    /// A person must give an MFA code; [`Error::mfa_serial`] says for which device.
    MfaCodeRequired,
    /// AWS or Stagedoor refused the code that was given.
    MfaCodeRefused,
    /// A person must allow it, and nobody could be asked, or nobody answered.
    ApprovalRequired,
    /// A person said no.
    ApprovalDenied,
    /// Stagedoor is locked: a person must unlock it.
    Locked,
    /// The keychain is locked or waits for its prompt.
    KeychainLocked,
    /// There is no keychain to talk to.
    KeychainAbsent,
    /// The keychain said no.
    KeychainRefused,
    /// AWS does not know the access key, or its secret does not match, or it is inactive.
    AccessKeyRefused,
    /// AWS understood and said no.
    AwsRefused,
    /// AWS did not answer, or not in time.
    AwsUnreachable,
    /// AWS answered that it cannot now: it asked to slow down, or failed inside.
    AwsBusy,
    /// AWS refused a request because of its time; the clock is corrected by that very answer.
    ClockWrong,
    /// What exists is in the way of a plan, or became another meanwhile; nothing was overwritten.
    Conflict,
    /// A file could not be read or written; nothing was lost.
    File,
    /// The agent is not there, is another version, or went away.
    Agent,
    /// This version of Stagedoor cannot do it yet.
    NotSupported,
}

/// What happened and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[must_use]
pub struct Error {
    /// What a program acts on.
    pub code: Code,
    /// One sentence, no full stop, no secret.
    pub message: String,
    /// The next step, one sentence or a command.
    pub hint: String,
    /// The MFA device that is asked for, with [`Code::MfaCodeRequired`] and [`Code::MfaCodeRefused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub mfa_serial: Option<String>,
}

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error from its three parts.
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), hint: hint.into().into_owned(), mfa_serial: None }
    }

    /// `what` is not a valid `name`; `expected` is the rule in AWS's words.
    pub fn invalid(name: &str, what: &str, expected: &str) -> Self {
        let shown: String = what.chars().take(ECHOED).collect();
        let what = format!("{}{}", shown.escape_debug(), if shown.len() < what.len() { "…" } else { "" });
        Self::new(Code::InvalidValue, format!("“{what}” is no valid {name}"), format!("Expected: {expected}"))
    }

    /// A person must give a code of the device `serial`.
    pub fn mfa_code_required(serial: &str) -> Self {
        Self {
            mfa_serial: Some(serial.to_owned()),
            ..Self::new(
                Code::MfaCodeRequired,
                format!("A code of the MFA device {serial} is needed"),
                "Start the profile in Stagedoor and type the code, or run: stagedoor start PROFILE --mfa-code CODE",
            )
        }
    }

    /// A file operation failed; what was there is untouched.
    pub fn file(doing: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let hint = match source.kind() {
            K::NotFound => "Check the path; nothing was changed",
            K::PermissionDenied => "Check who owns the file and its folder",
            K::StorageFull | K::QuotaExceeded => "Free some disk space and try again; nothing was changed",
            K::ReadOnlyFilesystem => "The file system is read-only; nothing was changed",
            K::InvalidInput => "Put a regular file in its place, or remove it; nothing was changed",
            _ if leads_in_a_circle(source) => "A symbolic link on the way to it leads in a circle: let it lead to the file, or remove it; nothing was changed",
            _ => "Nothing was changed; try again",
        };
        // The number behind the system's sentence tells a person nothing.
        let said = source.to_string();
        let said = said.split_once(" (os error").map_or(&*said, |(sentence, _)| sentence);
        Self::new(Code::File, format!("Could not {doing} {}: {said}", path.display()), hint)
    }

    /// The exit code of the command line: 3 where a person is needed, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self.code {
            Code::MfaCodeRequired | Code::ApprovalRequired | Code::Locked | Code::KeychainLocked => 3,
            Code::MissingProfile
            | Code::MissingSource
            | Code::CredentialLoop
            | Code::BothSources
            | Code::InvalidValue
            | Code::NoCredentials
            | Code::MfaCodeRefused
            | Code::ApprovalDenied
            | Code::KeychainAbsent
            | Code::KeychainRefused
            | Code::AccessKeyRefused
            | Code::AwsRefused
            | Code::AwsUnreachable
            | Code::AwsBusy
            | Code::ClockWrong
            | Code::Conflict
            | Code::File
            | Code::Agent
            | Code::NotSupported => 1,
        }
    }
}

/// Whether the way to a file never ends.
fn leads_in_a_circle(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    return {
        let _ = error;
        false
    };
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
