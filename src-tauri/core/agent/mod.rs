//! The only owner of state. Intent goes in by a method; facts come out as one [`Snapshot`].
//!
//! A method that changes something returns `Result<()>`: what came of it is in the next snapshot, moments are on
//! [`Agent::events`]. One-shot values (a console link, environment lines) are the exceptions, and are never logged.

use std::{path::PathBuf, sync::Arc};

use serde::Deserialize;
use tokio::sync::{broadcast, watch};

use crate::{
    clock::Clock,
    error::Result,
    model::{
        access_key::AccessKey,
        arn::RoleArn,
        mfa::{MfaCode, TotpSeed},
        params::{ExternalId, MfaSerial, RoleSessionName, SessionDuration},
        profile::ProfileName,
        secret::Secret,
        snapshot::{Event, Settings, Shell, Snapshot},
    },
    paths::Paths,
    store::keychain::Keychain,
};

/// Who asks: from the socket's peer, or the app itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The process that wants credentials; `None` for the app itself.
    pub pid: Option<u32>,
    /// A short name for people: `aws`, `terraform`, `Stagedoor`.
    pub name: String,
    /// Its executable.
    pub executable: Option<PathBuf>,
    /// The executable of its parent.
    pub parent: Option<PathBuf>,
}

impl Asker {
    /// The window, the tray and the renewal.
    pub fn stagedoor() -> Self {
        Self { pid: None, name: "Stagedoor".to_owned(), executable: None, parent: None }
    }
}

/// What an agent is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where everything lies.
    pub paths: Paths,
    /// The time.
    pub clock: Clock,
    /// Where keys lie.
    pub keychain: Arc<dyn Keychain>,
    /// The `stagedoor` program that `connect` writes into `credential_process`.
    pub program: PathBuf,
    /// `false` inside the app.
    pub windowless: bool,
}

/// A new access key profile.
#[derive(Clone, Debug, Deserialize)]
pub struct NewAccessKey {
    /// Created where there is none.
    pub profile: ProfileName,
    /// Into the keychain.
    pub key: AccessKey,
    /// `region`
    pub region: Option<String>,
    /// `mfa_serial`
    pub mfa_serial: Option<MfaSerial>,
}

/// A new role profile.
#[derive(Clone, Debug, Deserialize)]
pub struct NewRole {
    /// Must not exist yet.
    pub profile: ProfileName,
    /// `role_arn`
    pub role_arn: RoleArn,
    /// `source_profile`
    pub source_profile: ProfileName,
    /// `mfa_serial`
    pub mfa_serial: Option<MfaSerial>,
    /// `external_id`
    pub external_id: Option<ExternalId>,
    /// `role_session_name`
    pub role_session_name: Option<RoleSessionName>,
    /// `duration_seconds`
    pub duration: Option<SessionDuration>,
    /// `region`
    pub region: Option<String>,
}

/// What a console link shall open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct ConsoleTarget {
    /// A service's short name: `s3`, `ec2`.
    pub service: Option<String>,
    /// A path under the console's host, with query.
    pub path: Option<String>,
    /// Another Region than the profile's.
    pub region: Option<String>,
    /// 900 to 43200 s; left out where AWS refuses it.
    pub duration: Option<SessionDuration>,
}

/// The one owner of state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Agent(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    snapshot: watch::Sender<Arc<Snapshot>>,
    events: broadcast::Sender<Event>,
}

#[expect(clippy::unused_async, unused_variables, reason = "the shape, before the substance")]
impl Agent {
    /// Opens the files and the sealed sessions; calls nothing on the network.
    pub async fn open(parts: Parts) -> Result<Self> {
        todo!()
    }
    /// The truth, now and after every change.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshot.subscribe()
    }
    /// Moments.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }
    /// Gets credentials for a profile and keeps them renewed. Fails with `mfa_code_required` when a person must give a code.
    pub async fn start(&self, profile: &ProfileName, code: Option<MfaCode>, asker: &Asker) -> Result<()> {
        todo!()
    }
    /// Forgets a profile's credentials.
    pub async fn stop(&self, profile: &ProfileName) -> Result<()> {
        todo!()
    }
    /// Forgets all credentials, MFA sessions too.
    pub async fn stop_all(&self) -> Result<()> {
        todo!()
    }
    /// A federated sign-in link; a secret, good for 15 minutes.
    pub async fn console_link(&self, profile: &ProfileName, target: &ConsoleTarget, asker: &Asker) -> Result<Secret> {
        todo!()
    }
    /// A loopback URL that leads once, within a minute, to the sign-in link: safe to hand to a browser as an argument.
    pub async fn console_door(&self, profile: &ProfileName, target: &ConsoleTarget, asker: &Asker) -> Result<String> {
        todo!()
    }
    /// `export` lines for a shell.
    pub async fn environment(&self, profile: &ProfileName, shell: Shell, asker: &Asker) -> Result<Secret> {
        todo!()
    }
    /// Stores an access key in the keychain and creates its profile where there is none.
    pub async fn add_access_key(&self, new: NewAccessKey) -> Result<()> {
        todo!()
    }
    /// Writes a role profile.
    pub async fn add_role(&self, new: NewRole) -> Result<()> {
        todo!()
    }
    /// Moves the plaintext access key of a profile into the keychain, proves it with GetCallerIdentity, then clears the file.
    pub async fn import(&self, profile: &ProfileName) -> Result<()> {
        todo!()
    }
    /// Puts an imported key back into its file, byte for byte.
    pub async fn undo_import(&self, profile: &ProfileName) -> Result<()> {
        todo!()
    }
    /// Hands a profile out through `credential_process`.
    pub async fn connect(&self, profile: &ProfileName) -> Result<()> {
        todo!()
    }
    /// Gives its section back as it was.
    pub async fn disconnect(&self, profile: &ProfileName) -> Result<()> {
        todo!()
    }
    /// Whether the access key itself is handed out instead of GetSessionToken credentials.
    pub async fn hand_out_access_key(&self, profile: &ProfileName, yes: bool) -> Result<()> {
        todo!()
    }
    /// Stores the seed of an MFA device, so that nobody has to type codes.
    pub async fn add_totp_seed(&self, serial: &MfaSerial, seed: TotpSeed) -> Result<()> {
        todo!()
    }
    /// Starts the practice account and writes its profiles.
    pub async fn start_practice(&self) -> Result<()> {
        todo!()
    }
    /// Stops it and takes its profiles and keys away.
    pub async fn stop_practice(&self) -> Result<()> {
        todo!()
    }
    /// The practice user's TOTP seed as a QR code (SVG), for an authenticator app.
    pub async fn practice_qr(&self) -> Result<String> {
        todo!()
    }
    /// Stars a profile or takes the star away.
    pub async fn set_favourite(&self, profile: &ProfileName, favourite: bool) -> Result<()> {
        todo!()
    }
    /// Gives a profile one of the eight account colours.
    pub async fn set_colour(&self, profile: &ProfileName, colour: u8) -> Result<()> {
        todo!()
    }
    /// Replaces the settings.
    pub async fn set_settings(&self, settings: Settings) -> Result<()> {
        todo!()
    }
    /// Seals the sessions, frees the socket and ends; the app that takes over reads them.
    pub async fn close(&self) -> Result<()> {
        todo!()
    }
}
