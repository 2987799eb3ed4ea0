//! Where secrets lie and whether Stagedoor is locked, as everybody is shown it.
//!
//! No secret and no passphrase is ever in here: a passphrase goes in through one method of the agent and comes out nowhere.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The two places that access keys, MFA seeds and the key of the sealed sessions can lie in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum SecretsPlace {
    /// The operating system's keychain.
    #[default]
    Keychain,
    /// The passphrase vault.
    Vault,
}

impl SecretsPlace {
    /// In words: `the keychain`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Keychain => "the keychain",
            Self::Vault => "the vault",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Keychain => Self::Vault,
            Self::Vault => Self::Keychain,
        }
    }
}

/// Where secrets lie, and whether they can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SecretsView {
    /// Which place counts.
    pub place: SecretsPlace,
    /// Nothing is handed out until a person unlocks it.
    pub locked: bool,
    /// Where the vault lies, or would.
    pub vault_path: String,
    /// Whether there is one.
    pub vault_exists: bool,
    /// Whether there is one and it is open: to move items no passphrase is needed then.
    pub vault_open: bool,
    /// When it locks by itself, as things stand; `null`: never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub locks_at: Option<OffsetDateTime>,
}
