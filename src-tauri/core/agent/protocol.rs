//! What is said over the local socket: two enums and a version. One JSON document a line, in both directions.
//!
//! Secrets cross it on purpose (that is what it is for): in the fields marked `exposed`, and nowhere else.

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

use super::{
    file_edits::{FilesAnswer, FilesRequest},
    setup::{SetupAnswer, SetupRequest},
    vault::Migration,
};
use crate::{
    deliver::{Handed, console::ConsoleTarget},
    error::Error,
    issue::CallerIdentity,
    model::{
        activity::{ActivityPage, ActivityQuery},
        credentials_file::CredentialsFileView,
        doctor::DoctorReport,
        lease::{LeaseRequest, LeaseView},
        lock::SecretsPlace,
        profile::ProfileName,
        secret::Secret,
        snapshot::Shell,
    },
};

pub use super::session_line::SessionLine;

/// Grows when an old program could misread a new one.
pub const VERSION: u32 = 1;

/// The longest line that is read: a session policy is at most 2,048 characters, so this is plenty.
pub const LONGEST_LINE: usize = 256 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<T> {
    /// [`VERSION`] of who wrote it.
    pub v: u32,
    /// The AWS files that who asks would read, configuration and credentials: what lies in others is not theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<[String; 2]>,
    /// What is said.
    #[serde(flatten)]
    pub body: T,
}

impl<T> Line<T> {
    /// In this version.
    pub const fn new(body: T) -> Self {
        Self { v: VERSION, files: None, body }
    }
}

fn exposed<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn exposed_option<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}

/// What a program asks of the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Who is there?
    Hello,
    /// Credentials for `credential_process`.
    CredentialProcess {
        /// Whose.
        profile: ProfileName,
    },
    /// Credentials for a child process.
    Exec {
        /// Whose.
        profile: ProfileName,
        /// A person sits at the terminal and is asked there for an MFA code.
        #[serde(default)]
        at_terminal: bool,
    },
    /// Variables that lead a child process to the container endpoint.
    Endpoint {
        /// Whose.
        profile: ProfileName,
        /// A person sits at the terminal and is asked there for an MFA code.
        #[serde(default)]
        at_terminal: bool,
    },
    /// Lines for a shell.
    Environment {
        /// Whose.
        profile: ProfileName,
        /// For which shell.
        shell: Shell,
        /// A person sits at the terminal and is asked there for an MFA code.
        #[serde(default)]
        at_terminal: bool,
    },
    /// Start a profile.
    Start {
        /// Which.
        profile: ProfileName,
        /// Six digits, where a person gave them.
        #[serde(default, serialize_with = "exposed_option")]
        mfa_code: Option<Secret>,
    },
    /// Stop a profile.
    Stop {
        /// Which.
        profile: ProfileName,
    },
    /// Stop everything, MFA sessions too.
    StopAll,
    /// How all sessions stand.
    Status,
    /// A console link.
    Console {
        /// Whose.
        profile: ProfileName,
        /// Where to.
        target: ConsoleTarget,
        /// The link itself, instead of a one-time door to it.
        link: bool,
    },
    /// What is on record.
    Activity {
        /// Which lines.
        query: ActivityQuery,
    },
    /// What is wrong, and how it is mended.
    Doctor,
    /// GetCallerIdentity.
    WhoAmI {
        /// As whom.
        profile: ProfileName,
    },
    /// Store an access key.
    AddAccessKey {
        /// Created where there is none.
        profile: ProfileName,
        /// `AKIA…`
        access_key_id: String,
        /// Goes with it.
        #[serde(serialize_with = "exposed")]
        secret_access_key: Secret,
    },
    /// Move a plaintext key into the keychain.
    Import {
        /// Whose.
        profile: ProfileName,
    },
    /// About edits of the AWS files.
    Files {
        /// What.
        ask: FilesRequest,
    },
    /// About setups.
    Setup {
        /// What.
        ask: SetupRequest,
    },
    /// Let a profile ask before it is handed out, or no longer. There is no request that approves: only a person can.
    Ask {
        /// Which.
        profile: ProfileName,
        /// No longer, if not.
        yes: bool,
    },
    /// Store the seed of an MFA device.
    AddTotpSeed {
        /// Of which device.
        serial: String,
        /// Base32.
        #[serde(serialize_with = "exposed")]
        seed: Secret,
    },
    /// The code that a stored seed shows now.
    MfaCode {
        /// Of which device.
        serial: String,
    },
    /// The devices whose seeds are stored.
    MfaDevices,
    /// Forget every credential and hand out nothing.
    Lock,
    /// Hand out again.
    Unlock {
        /// The vault's; the keychain asks by itself.
        #[serde(default, serialize_with = "exposed_option")]
        passphrase: Option<Secret>,
    },
    /// Make a passphrase vault.
    CreateVault {
        /// Its passphrase.
        #[serde(serialize_with = "exposed")]
        passphrase: Secret,
        /// The one that counted is gone, and what was in it may stay lost.
        #[serde(default)]
        lost: bool,
    },
    /// Encrypt the vault to another passphrase.
    ChangePassphrase {
        /// As it is.
        #[serde(serialize_with = "exposed")]
        old: Secret,
        /// As it shall be.
        #[serde(serialize_with = "exposed")]
        new: Secret,
    },
    /// Move all items between keychain and vault.
    Migrate {
        /// Where to.
        to: SecretsPlace,
        /// The vault's, where it is not open.
        #[serde(default, serialize_with = "exposed_option")]
        passphrase: Option<Secret>,
        /// Only say what would be moved.
        dry_run: bool,
        /// The vault is gone, and what was in it may stay lost.
        #[serde(default)]
        lost: bool,
    },
    /// Make a lease.
    Lease {
        /// Of what, narrowed to what.
        request: LeaseRequest,
        /// Six digits, where a person gave them.
        #[serde(default, serialize_with = "exposed_option")]
        mfa_code: Option<Secret>,
    },
    /// The leases that run.
    Leases,
    /// Credentials of a lease for a child process.
    LeaseExec {
        /// Its ID or its name.
        lease: String,
    },
    /// Credentials of a lease for `credential_process`.
    LeaseProcess {
        /// Its ID or its name.
        lease: String,
    },
    /// Stop a lease.
    StopLease {
        /// Its ID or its name; all when absent.
        lease: Option<String>,
    },
    /// Write a profile's temporary credentials into the credentials file.
    WriteFile {
        /// Whose.
        profile: ProfileName,
        /// Into which section; the profile's name when absent.
        section: Option<String>,
    },
    /// Write them no more, and take them out.
    WriteFileNoMore {
        /// Whose.
        profile: ProfileName,
    },
    /// Bring the app's window to the front.
    ShowWindow,
    /// Seal the sessions and end: the app takes over, or somebody quits.
    Close,
}

/// What the agent answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    Done,
    /// It is not: why, and what to do.
    Failed {
        /// What happened.
        error: Error,
    },
    /// Not now: this agent lets its calls land, seals its sessions and ends. Ask again.
    Ending,
    /// The agent's own description.
    Hello {
        /// Of the program.
        version: String,
        /// Without a window.
        windowless: bool,
        /// Its process ID.
        pid: u32,
        /// The variables that decide which files it reads and which endpoints it asks, as it found them.
        surroundings: Vec<(String, String)>,
        /// Nothing is handed out until a person unlocks it.
        #[serde(default)]
        locked: bool,
    },
    /// A document, lines, a link or a code.
    Text {
        /// As the tool wants it.
        #[serde(serialize_with = "exposed")]
        text: Secret,
    },
    /// Variables for a child process.
    Variables {
        /// Name and value.
        variables: Vec<Variable>,
    },
    /// All sessions.
    Status {
        /// By profile.
        sessions: Vec<SessionLine>,
        /// What is wrong and concerns no single profile.
        problems: Vec<Error>,
    },
    /// Lines of the record of activity.
    Activity {
        /// Newest first.
        page: ActivityPage,
    },
    /// What was found.
    Doctor {
        /// The worst first.
        report: DoctorReport,
    },
    /// Who AWS says one is.
    Identity {
        /// What it says.
        identity: CallerIdentity,
    },
    /// About edits of the AWS files.
    Files {
        /// What came of it.
        answer: FilesAnswer,
    },
    /// An MFA code.
    Code {
        /// Six digits.
        #[serde(serialize_with = "exposed")]
        code: Secret,
        /// When the next one comes.
        #[serde(with = "time::serde::rfc3339")]
        valid_until: OffsetDateTime,
    },
    /// Where secrets lie.
    Place {
        /// Which place counts.
        place: SecretsPlace,
    },
    /// What came of moving.
    Migrated {
        /// The items, and what is left to do.
        migration: Migration,
    },
    /// Leases.
    Leases {
        /// The one that ends first in front.
        leases: Vec<LeaseView>,
    },
    /// Where a profile's credentials stand.
    File {
        /// The section and how long it holds.
        file: CredentialsFileView,
    },
    /// About setups.
    Setup {
        /// What was asked.
        answer: SetupAnswer,
    },
    /// Names, such as serials.
    Names {
        /// In order.
        names: Vec<String>,
    },
}

/// One environment variable.
#[derive(Debug, Serialize, Deserialize)]
pub struct Variable {
    /// `AWS_…`
    pub name: String,
    /// Its value.
    #[serde(serialize_with = "exposed")]
    pub value: Secret,
}

impl Variable {
    /// The variables of what is handed out.
    pub fn all(handed: &Handed) -> Vec<Self> {
        crate::deliver::variables(handed).into_iter().map(|(name, value)| Self { name: name.to_owned(), value: Secret::new(value.as_str()) }).collect()
    }
}
