//! Everything that the window, the tray, the notifier and the CLI show, as one value without a secret.
//!
//! The agent makes one after every change; whoever shows something reads it from here and from nowhere else. Moments that
//! pass are [`Event`]s. All of it is exported to TypeScript.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

pub use super::surroundings::{AgentView, PracticeView};
use super::{
    access_key::AccessKeyId,
    activity::ActivityView,
    chain::KeyPlace,
    credentials_file::CredentialsFileView,
    lease::LeaseView,
    lock::SecretsView,
    profile::{ProfileKind, ProfileName},
    prompt::PromptView,
};
use crate::error::Error;

fn shared<S: Serializer>(profiles: &[Arc<ProfileView>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(profiles.iter().map(|profile| &**profile))
}

/// The whole truth at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Snapshot {
    /// Grows with every change.
    #[cfg_attr(test, ts(type = "number"))]
    pub revision: u64,
    /// In the order of the files. One that nothing happened to is shared with the snapshot before.
    #[serde(serialize_with = "shared")]
    pub profiles: Vec<Arc<ProfileView>>,
    /// The leases that run, the one that ends first in front.
    pub leases: Vec<LeaseView>,
    /// What was read.
    pub files: FilesView,
    /// Whether the keychain answers.
    pub keychain: KeychainView,
    /// Where secrets lie, and whether Stagedoor is locked.
    pub secrets: SecretsView,
    /// Who answers.
    pub agent: AgentView,
    /// The practice account.
    pub practice: PracticeView,
    /// The number of the newest line of the record of activity. Another number: there is news, to be asked for.
    #[cfg_attr(test, ts(type = "number"))]
    pub activity: u64,
    /// Grows with every change of a setup. Another number: what is shown of it is to be asked for again.
    #[cfg_attr(test, ts(type = "number"))]
    pub setup: u64,
    /// What the person chose.
    pub settings: Settings,
    /// What is wrong and concerns no single profile: a broken line, sealed sessions set aside.
    pub problems: Vec<Error>,
    /// What a person is asked now, oldest first.
    pub prompts: Vec<PromptView>,
}

/// One profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, shown in a place of its own")]
pub struct ProfileView {
    /// As in the file.
    pub name: ProfileName,
    /// What it is.
    pub kind: ProfileKind,
    /// `region`
    pub region: Option<String>,
    /// 12 digits, from the role's ARN or from a session.
    pub account_id: Option<String>,
    /// The role's ARN.
    pub role_arn: Option<String>,
    /// The role's name without path.
    pub role_name: Option<String>,
    /// `source_profile`
    pub source_profile: Option<ProfileName>,
    /// 1 to 8, an account colour.
    pub colour: u8,
    /// The person's tags.
    pub tags: Vec<String>,
    /// Starred.
    pub favourite: bool,
    /// When it was last started or handed out.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub last_used: Option<OffsetDateTime>,
    /// Handed out through `credential_process`.
    pub connected: bool,
    /// Belongs to the practice account.
    pub practice: bool,
    /// Its access key: where the secret lies. `None` for profiles without one.
    pub key: Option<KeyView>,
    /// The access key itself is handed out (the person said so).
    pub hand_out_access_key: bool,
    /// Its own section says that it asks before it is handed out. What its chain needs says whether it asks at all.
    pub asks: bool,
    /// Where its credentials come from; `None` when `error` says why not.
    pub chain: Option<ChainView>,
    /// Why it does not resolve.
    pub error: Option<Error>,
    /// Its session, if any.
    pub session: Option<SessionView>,
    /// Its temporary credentials are written into the credentials file.
    pub credentials_file: Option<CredentialsFileView>,
    /// Who asked lately, newest first, at most 20.
    pub activity: Vec<ActivityView>,
}

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct KeyView {
    /// `AKIA…`
    pub access_key_id: AccessKeyId,
    /// Where the secret lies.
    pub place: KeyPlace,
}

/// A chain as it is drawn: base, MFA session, roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ChainView {
    /// `access_key`, `static`, `process`, `source`, `web_identity`, `identity_center`, `login`.
    pub base_kind: String,
    /// The profile at the base.
    pub base_profile: ProfileName,
    /// Its access key ID, where it has one.
    pub base_access_key_id: Option<AccessKeyId>,
    /// What else there is to say of the base: command, credential source, sso-session.
    pub base_detail: Option<String>,
    /// The GetSessionToken between the key and the first role (or as the end of the chain).
    pub session_token: Option<SessionTokenView>,
    /// The roles.
    pub hops: Vec<HopView>,
    /// The longest that the whole can last, in seconds.
    pub longest_seconds: u32,
    /// What a person must give before it starts: `mfa_code`, `approval`, `unlock`, `sign_in`.
    pub needs: Vec<String>,
    /// The MFA device that is asked, if any.
    pub mfa_serial: Option<String>,
    /// Its seed is in the keychain, so that nobody is asked.
    pub mfa_seed_stored: bool,
}

/// GetSessionToken as a step of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionTokenView {
    /// The MFA device, if it is an MFA session.
    pub mfa_serial: Option<String>,
    /// What it is asked for, in seconds.
    pub duration_seconds: u32,
    /// 36 hours for a user's key.
    pub longest_seconds: u32,
    /// When the one that is there now ends.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub expiration: Option<OffsetDateTime>,
}

/// AssumeRole as a step of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct HopView {
    /// The profile that asks for it.
    pub profile: ProfileName,
    /// The role's ARN.
    pub role_arn: String,
    /// Its name.
    pub role_name: String,
    /// Its account.
    pub account_id: String,
    /// The external ID that goes with it.
    pub external_id: Option<String>,
    /// The MFA code goes on this call.
    pub mfa_code: bool,
    /// It is called with an MFA session.
    pub mfa_session: bool,
    /// The session name, where the profile names one.
    pub role_session_name: Option<String>,
    /// What it is asked for, in seconds.
    pub duration_seconds: u32,
    /// The longest it can be: 3600 when chained, else 43200 (the role may allow less).
    pub longest_seconds: u32,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Credentials are there.
    Active,
    /// AWS has been asked.
    Starting,
    /// It could not be started or renewed, and there are no credentials.
    Failed,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionView {
    /// How it stands.
    pub state: SessionState,
    /// When these credentials were issued.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub issued: Option<OffsetDateTime>,
    /// When they end.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub expiration: Option<OffsetDateTime>,
    /// When they are renewed without anybody's help; `None`: a person is needed.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub renews_at: Option<OffsetDateTime>,
    /// The moment from which a person's MFA code is needed, where it is known.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub needs_person_at: Option<OffsetDateTime>,
    /// `ASIA…`
    pub access_key_id: Option<AccessKeyId>,
    /// Who it acts as: the assumed-role or user ARN, where STS told it.
    pub arn: Option<String>,
    /// How it was handed out so far: `process`, `environment`, `exec`, `console`.
    pub delivered: Vec<String>,
    /// Why the last attempt failed. A session can be active and have one: the renewal failed, the credentials still hold.
    pub error: Option<Error>,
}

/// What was read, for the first start and for Settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct FilesView {
    /// With `~` where it is the home folder.
    pub config_path: String,
    /// With `~` where it is the home folder.
    pub credentials_path: String,
    /// At least one of them exists.
    pub found: bool,
    /// One of them holds secrets and others may read it.
    pub readable_by_others: bool,
}

/// Whether the keychain answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct KeychainView {
    /// What to call it: `GNOME Keyring`, `Keychain`, `Credential Manager`.
    pub name: String,
    /// What was last wrong with it.
    pub error: Option<Error>,
}

/// What the person chose. Kept in `settings.json`; no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct Settings {
    /// `system`, `light`, `dark`.
    pub theme: Theme,
    /// Start the app, hidden, when the person signs in to the computer.
    pub start_at_login: bool,
    /// Tell before a session ends.
    pub notifications: bool,
    /// How long an MFA session (GetSessionToken) is asked for, 900 to 129600 seconds.
    pub mfa_session_seconds: u32,
    /// The shell that “Copy environment” writes for.
    pub shell: Shell,
    /// The first start was seen.
    pub onboarded: bool,
    /// Lock after so many seconds without a request by a person or a program; 0: never.
    pub lock_after_seconds: u32,
    /// The vault stays unlocked for so many seconds; 0: until it is locked.
    pub vault_unlocked_seconds: u32,
}

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The shells that `env` writes for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// And every POSIX shell.
    #[default]
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            start_at_login: false,
            notifications: true,
            mfa_session_seconds: 43200,
            shell: if cfg!(windows) { Shell::Powershell } else { Shell::Bash },
            onboarded: false,
            lock_after_seconds: 0,
            vault_unlocked_seconds: 8 * 3600,
        }
    }
}

/// A moment. Whoever missed it can still see the outcome in the next [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An MFA-bound session ends in ten minutes (or less, when the machine slept).
    SessionEnding {
        /// Whose.
        profile: ProfileName,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        #[cfg_attr(test, ts(type = "string"))]
        expiration: OffsetDateTime,
    },
    /// A renewal failed for good, or until somebody does something.
    RenewalFailed {
        /// Whose.
        profile: ProfileName,
        /// Why.
        error: Error,
    },
    /// The renewal of a lease failed; its credentials hold until they expire.
    LeaseRenewalFailed {
        /// Its name.
        lease: String,
        /// Of which profile.
        profile: ProfileName,
        /// Why.
        error: Error,
    },
    /// A program wanted credentials and a person is needed.
    PersonNeeded {
        /// Whose.
        profile: ProfileName,
        /// Who asked.
        who: String,
        /// What is needed.
        error: Error,
    },
    /// A person is asked something: it is in the snapshot, too.
    Prompted {
        /// What.
        prompt: PromptView,
        /// The same was asked a moment ago.
        again: bool,
    },
    /// This computer's clock is wrong by minutes or more; requests are corrected. Told once, and again when that changes by much.
    ClockWrong {
        /// By how much.
        error: Error,
    },
    /// A setup waited for a time, which has come: it can be gone on with.
    SetupDue {
        /// Names it.
        id: String,
        /// `New access key for dana`
        title: String,
    },
    /// Another start of the app, or the CLI, asks for the window.
    ShowWindow,
    /// The agent was asked to end: the app took over, or somebody quit it.
    Ended,
}
