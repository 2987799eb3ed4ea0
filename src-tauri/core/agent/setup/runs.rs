//! Plans in memory: those that were made and not applied yet, and those that are under way or were looked at.
//!
//! What was applied lives in its journal; what is here of it is a copy, with what is waited for just now. Plans that nobody applied
//! are forgotten, the oldest first.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use super::{
    super::Agent,
    claims::{Claim, Claims},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        credentials::TemporaryCredentials,
        setup::{SetupState, SetupView},
    },
    setup::{
        journal::{Entry, Journal, Progress, StepProgress},
        plan::Plan,
        view,
    },
};

/// So many plans are remembered.
const REMEMBERED: usize = 64;

/// All of them.
#[derive(Debug, Default)]
pub(in crate::agent) struct Setups {
    runs: Mutex<Vec<Arc<Run>>>,
    /// Who works on which of them.
    pub(super) claims: Claims,
    /// Held by the one that is applied or undone.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Another one waits for a time.
    pub(super) waits: tokio::sync::Notify,
    /// Grows with every change of any of them.
    changes: AtomicU64,
}

/// A plan and how far it is.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) journal: Journal,
    progress: Mutex<Progress>,
    revision: watch::Sender<u64>,
    /// MFA sessions of new keys that no profile has, for the proofs: in memory only.
    sessions: Mutex<HashMap<String, TemporaryCredentials>>,
}

impl Setups {
    /// How often anything changed.
    pub(in crate::agent) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line of its journal as far as the disk lets it.
    fn written(&self, entry: &Entry) {
        if let Err(error) = self.journal.write(entry) {
            tracing::warn!(message = error.message, "the journal could not be written");
        }
    }

    /// As it stands.
    pub(super) fn now(&self) -> Progress {
        self.progress().clone()
    }

    /// As it is shown.
    pub(super) fn view(&self) -> SetupView {
        let revision = *self.revision.borrow();
        view::view(&self.plan, &self.progress(), revision)
    }

    /// The MFA session of a key that is only good for proofs.
    pub(super) fn session_of(&self, key: &str) -> Option<TemporaryCredentials> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps it.
    pub(super) fn keep_session(&self, key: &str, session: TemporaryCredentials) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), session);
    }

    /// Forgets them.
    pub(super) fn forget_sessions(&self) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until it is another than the one seen.
    pub(super) async fn another(&self, seen: u64) {
        let _ = self.revision.subscribe().wait_for(|revision| *revision > seen).await;
    }

    /// Whether somebody works on it.
    pub(super) fn busy(&self) -> bool {
        matches!(self.progress().stage, Some(SetupState::Applying | SetupState::Undoing))
    }
}

impl Agent {
    /// Remembers a plan.
    pub(super) fn remember(&self, plan: Plan) -> Result<Arc<Run>> {
        let journal = Journal::of(&self.0.parts.paths.data, &plan.id).ok_or_else(|| unknown(&plan.id))?;
        Ok(self.keep(plan, Progress::default(), journal))
    }

    /// Keeps one, and gives the one that is kept: a plan that two read at once is one plan.
    fn keep(&self, plan: Plan, progress: Progress, journal: Journal) -> Arc<Run> {
        // Views of one plan grow also over a restart of the agent.
        let first = u64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let run = Arc::new(Run { plan, journal, progress: Mutex::new(progress), revision: watch::Sender::new(first), sessions: Mutex::default() });
        let mut runs = self.0.setups.runs();
        if let Some(known) = runs.iter().find(|known| known.plan.id == run.plan.id) {
            return Arc::clone(known);
        }
        runs.push(Arc::clone(&run));
        while runs.len() > REMEMBERED {
            // One that somebody has in hand is about to be busy.
            let Some(at) = runs.iter().position(|run| !run.busy() && Arc::strong_count(run) == 1) else { break };
            runs.remove(at);
        }
        run
    }

    /// A plan by its name: from memory, or from its journal.
    pub(super) fn run_of(&self, id: &str) -> Result<Arc<Run>> {
        let known = self.0.setups.runs().iter().find(|run| run.plan.id == id).cloned();
        if let Some(run) = known {
            return Ok(run);
        }
        let journal = Journal::of(&self.0.parts.paths.data, id).ok_or_else(|| unknown(id))?;
        let (plan, progress) = journal.read()?.ok_or_else(|| unknown(id))?;
        Ok(self.keep(plan, ended(progress), journal))
    }

    /// What its journal says. Whoever asks has the claim, so that nobody works on it.
    pub(super) fn read_again(&self, run: &Run) -> Result<()> {
        if let Some((_, progress)) = run.journal.read()? {
            let now = ended(progress);
            if *run.progress() != now {
                self.show(run, |progress| *progress = now);
            }
        }
        Ok(())
    }

    /// Writes a line of its journal and shows what it says.
    pub(super) fn journalled(&self, run: &Run, entry: &Entry) -> Result<()> {
        run.journal.write(entry)?;
        self.show(run, |progress| progress.take(entry));
        Ok(())
    }

    /// The same where nothing better can be done if the disk is full.
    pub(super) fn noted(&self, run: &Run, entry: &Entry) {
        run.written(entry);
        self.show(run, |progress| progress.take(entry));
    }

    /// The last line of its work. Who sees that it stands may go on with it at once: the claim ends in the same moment.
    pub(super) fn stands(&self, run: &Run, entry: &Entry, claim: Claim) {
        run.written(entry);
        self.show(run, |progress| {
            progress.take(entry);
            drop(claim);
        });
        if matches!(entry, Entry::Waiting { .. }) {
            self.0.setups.waits.notify_one();
        }
    }

    /// Changes what is shown.
    pub(super) fn show(&self, run: &Run, change: impl FnOnce(&mut Progress)) {
        change(&mut run.progress());
        run.revision.send_modify(|revision| *revision += 1);
        self.0.setups.changes.fetch_add(1, Ordering::Relaxed);
        self.0.touched.notify_one();
    }

    /// Changes what is shown of one step.
    pub(super) fn show_step(&self, run: &Run, step: &str, change: impl FnOnce(&mut StepProgress)) {
        self.show(run, |progress| change(progress.step(step)));
    }
}

/// Nobody works on it: where it stands, its process ended.
fn ended(mut progress: Progress) -> Progress {
    if matches!(progress.stage, Some(SetupState::Applying | SetupState::Undoing)) {
        progress.stage = Some(SetupState::Stopped);
        progress.error = Some(Error::new(Code::Agent, "Stagedoor ended while this was under way", "Go on with it, or undo what was done"));
    }
    progress
}

pub(super) fn unknown(id: &str) -> Error {
    let shown: String = id.chars().take(80).collect();
    Error::new(
        Code::InvalidValue,
        format!("There is no setup “{}” any more, or there never was", shown.escape_debug()),
        "Make the plan anew, or see past ones: stagedoor setup list",
    )
}
