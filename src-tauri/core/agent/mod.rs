//! The only owner of state. Intent goes in by a method; facts come out as one [`Snapshot`].
//!
//! A method that changes something returns `Result<()>`: what came of it is in the next snapshot, moments are on
//! [`Agent::events`]. One-shot values (a console link, environment lines) are the exceptions, and are never logged.
//! Here are the shape and the life of the agent; what it does is beside: `sessions`, `profiles`, `practice`.

mod activity;
mod approval;
mod asker;
mod asking;
mod base;
mod choosing;
mod connecting;
mod credentials_file;
mod doctor;
mod door;
pub mod election;
pub mod endpoint;
mod exercise;
mod file_edits;
mod flights;
mod issuing;
mod leads;
mod lease;
mod lines;
mod locking;
mod named;
mod patience;
mod practice;
mod practice_kept;
mod practice_view;
mod profiles;
mod program;
mod prompts;
pub mod protocol;
mod questions;
mod refusals;
pub mod renewal;
mod renewing;
mod repeats;
mod run;
mod runs;
mod sealing;
mod serving;
mod session_line;
mod sessions;
mod setup;
pub mod socket;
mod state;
mod sweeping;
mod turns;
mod vault;
mod view;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore, broadcast, watch};

pub use self::{
    asker::Asker,
    file_edits::{FileEdit, FilesAnswer, FilesRequest, Preview, Skipped, VersionLine},
    profiles::{NewAccessKey, NewRole},
    run::run,
    serving::serve,
    sessions::ShownCode,
    setup::{SetupAnswer, SetupRequest},
    vault::Migration,
};
use self::{
    flights::Flights,
    lines::Lines,
    renewal::Held,
    state::{Source, State},
};
pub use crate::deliver::console::ConsoleTarget;
use crate::{
    aws::{Aws, Environment, Teller},
    clock::Clock,
    error::{Code, Error, Result},
    model::{
        lock::SecretsPlace,
        profile::ProfileName,
        snapshot::{Event, Snapshot},
    },
    paths::Paths,
    store::{
        aws_files::AwsFiles,
        keychain::{Keychain, Keys},
        sealed_sessions::SealedSessions,
        secrets::Secrets,
        settings::SettingsFile,
        vault::Vault,
        versions::Versions,
    },
};

/// What an agent is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where everything lies.
    pub paths: Paths,
    /// The time.
    pub clock: Clock,
    /// Where keys lie.
    pub keychain: Arc<dyn Keychain>,
    /// Where they lie instead, if the person chose a passphrase.
    pub vault: Vault,
    /// The variables that decide about endpoints and Regions.
    pub environment: Environment,
    /// The `stagedoor` program that `connect` writes into `credential_process`.
    pub program: PathBuf,
    /// `false` inside the app.
    pub windowless: bool,
}

/// The one owner of state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Agent(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// When it was opened.
    began: OffsetDateTime,
    aws: Aws,
    /// How many requests to AWS are under way at once, at most.
    turns: Semaphore,
    /// How many of these the renewal of sessions and leases may have.
    renewals: Semaphore,
    lines: Mutex<Lines>,
    /// What a person was last told of the clock.
    told_offset: Mutex<Option<time::Duration>>,
    keys: Keys,
    /// The place behind them, and whether it gives anything.
    secrets: Secrets,
    locking: locking::Locking,
    sealed: SealedSessions,
    versions: Versions,
    state: Mutex<State>,
    files: Mutex<base::Read>,
    choices: Mutex<SettingsFile>,
    saved: choosing::Saved,
    problems: Mutex<Problems>,
    flights: Flights<(ProfileName, String), Held>,
    source_flights: Flights<Source, Held>,
    endpoint: endpoint::Endpoint,
    leases: lease::Leases,
    written_file: credentials_file::WrittenFile,
    practice: tokio::sync::Mutex<Option<practice::Running>>,
    practice_view: Mutex<crate::model::snapshot::PracticeView>,
    /// One writer of the practice account's file at a time, from the look at the world to the end of the writing.
    keeping: Mutex<()>,
    /// Who asked for what.
    activity: activity::Activity,
    setups: setup::Setups,
    /// One edit of the AWS files at a time.
    editing: Arc<tokio::sync::Mutex<()>>,
    sealing: tokio::sync::Mutex<()>,
    /// One snapshot at a time: the newest is told last.
    publishing: Mutex<()>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    events: broadcast::Sender<Event>,
    /// Something small changed: a snapshot soon.
    touched: Notify,
    /// Sessions changed: seal soon.
    unsealed: Notify,
    /// The renewal should look again.
    due: Notify,
    /// What a person is asked, and who waits.
    prompts: Mutex<prompts::Prompts>,
    approvals: Mutex<approval::Approvals>,
    /// Grows with everything that may let a waiting program go on.
    landings: watch::Sender<u64>,
    closing: watch::Sender<bool>,
    closed: watch::Sender<bool>,
}

/// What is wrong and concerns no single profile, by where it comes from.
#[derive(Debug, Default)]
struct Problems {
    files: Option<Error>,
    settings: Option<Error>,
    sealed: Option<Error>,
    set_aside: Option<Error>,
    unsaved: Option<Error>,
    keychain: Option<Error>,
    practice: Option<Error>,
    practice_set_aside: Option<Error>,
    versions: Option<Error>,
    activity: Option<Error>,
    clock: Option<Error>,
}

impl Agent {
    /// Opens the files and the sealed sessions; calls nothing on the network.
    pub async fn open(parts: Parts) -> Result<Self> {
        let (choices, settings_problem) = SettingsFile::load(&parts.paths);
        let secrets = Secrets::new(Arc::clone(&parts.keychain), parts.vault.clone(), choices.secrets);
        if choices.locked || secrets.place() == SecretsPlace::Vault {
            secrets.lock();
        }
        let keys = Keys(Arc::new(secrets.clone()));
        let agent = Self(Arc::new(Inner {
            began: parts.clock.now(),
            aws: Aws::new(parts.clock.clone(), parts.environment.clone()),
            sealed: SealedSessions::new(&parts.paths, keys.clone(), parts.clock.clone()),
            turns: Semaphore::new(turns::IN_FLIGHT),
            renewals: Semaphore::new(turns::RENEWING),
            lines: Mutex::default(),
            told_offset: Mutex::default(),
            versions: Versions::new(&parts.paths, keys.clone(), parts.clock.clone()),
            keys,
            locking: locking::Locking::new(secrets.locked(), parts.clock.now()),
            secrets,
            state: Mutex::new(State::new(turns::seed(&parts.clock))),
            files: Mutex::default(),
            saved: Arc::new(tokio::sync::Mutex::new(settings_problem.is_none().then(|| choices.clone()))),
            choices: Mutex::new(choices),
            problems: Mutex::new(Problems { settings: settings_problem, ..Problems::default() }),
            flights: Flights::default(),
            source_flights: Flights::default(),
            endpoint: endpoint::Endpoint::default(),
            leases: lease::Leases::default(),
            written_file: credentials_file::WrittenFile::default(),
            practice: tokio::sync::Mutex::default(),
            practice_view: Mutex::default(),
            keeping: Mutex::default(),
            activity: activity::Activity::new(&parts.paths),
            setups: setup::Setups::default(),
            editing: Arc::default(),
            sealing: tokio::sync::Mutex::default(),
            publishing: Mutex::default(),
            snapshot: watch::Sender::new(Arc::new(view::empty(&parts))),
            events: broadcast::Sender::new(64),
            touched: Notify::new(),
            unsealed: Notify::new(),
            due: Notify::new(),
            prompts: Mutex::default(),
            approvals: Mutex::default(),
            landings: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            closed: watch::Sender::new(false),
            parts,
        }));
        // Our own folders; the AWS files' wait until requests are answered, because others can hold them.
        agent.clear_up();
        // A file that cannot be read is told in the snapshot; it does not keep the agent from starting.
        let _ = agent.files();
        agent.recall_activity().await;
        agent.clear_credentials_file_after_a_crash().await;
        if !agent.locked() {
            agent.unseal().await;
        }
        agent.resume_practice().await;
        agent.publish();
        Ok(agent)
    }

    /// The truth, now and after every change.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshot.subscribe()
    }

    /// Moments.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// What it was made of.
    pub fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// Asks whoever shows a window to show it.
    pub fn show_window(&self) {
        self.tell(Event::ShowWindow);
    }

    /// Lets what is under way land, seals the sessions and ends: [`run`] returns, and [`Event::Ended`] is told.
    /// What has not landed within `patience` is lost.
    pub async fn close(&self, patience: Duration) -> Result<()> {
        self.0.closing.send_replace(true);
        self.forget_approvals();
        let landing = async {
            while self.is_asking() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(patience, landing).await;
        self.pause_practice().await;
        self.clear_credentials_file().await;
        let sealed = self.seal().await;
        self.save_choices().await;
        self.tell_repeats();
        self.write_activity().await;
        self.0.closed.send_replace(true);
        self.tell(Event::Ended);
        sealed
    }

    /// Whether credentials are being asked for.
    pub fn is_asking(&self) -> bool {
        self.0.flights.any() || self.0.source_flights.any() || self.0.leases.any_flight()
    }

    /// Whether [`Agent::close`] was called.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// The time as AWS counts it.
    fn now(&self) -> OffsetDateTime {
        self.0.aws.clock.now()
    }

    /// The time as an endpoint counts it: what it gave expires by that.
    fn now_of(&self, teller: &Teller) -> OffsetDateTime {
        self.0.aws.clock.now_of(teller)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choices(&self) -> MutexGuard<'_, SettingsFile> {
        self.0.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problems(&self) -> MutexGuard<'_, Problems> {
        self.0.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both AWS files as they are now: read again only when one of them changed.
    fn files(&self) -> Result<Arc<AwsFiles>> {
        let mut read = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (result, changed) = read.fresh(&self.0.parts.paths);
        drop(read);
        if changed {
            self.problems().files = result.as_ref().err().cloned();
            self.0.touched.notify_one();
        }
        result
    }

    fn tell(&self, event: Event) {
        // No receiver is no error: without a window nobody listens.
        let _ = self.0.events.send(event);
    }

    /// Remembers how the keychain answered, for the window.
    fn keychain_said(&self, error: Option<&Error>) {
        let now = error.filter(|e| matches!(e.code, Code::KeychainLocked | Code::KeychainAbsent | Code::KeychainRefused)).cloned();
        let before = std::mem::replace(&mut self.problems().keychain, now);
        if before.is_some() && error.is_none() {
            self.renew_what_is_due_soon();
        }
    }
}
