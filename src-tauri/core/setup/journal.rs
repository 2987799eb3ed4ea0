//! What a plan has done, written ahead of every call: a JSON line each, in a file of its own, on the disk before the call is sent.
//!
//! Read from the front it says where a plan stands, also after its process was killed: a step that began and did not end is looked at
//! again. No secret is in it. A line that a crash tore is the last one, and says nothing.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::{plan::Plan, thing::State};
use crate::{
    error::{Error, Result},
    model::{
        practice::StatementView,
        setup::{Expected, SetupState, StepState},
    },
    store::{append, files},
};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The plan; always the first.
    Plan {
        /// All of it.
        plan: Box<Plan>,
    },
    /// It is applied, or gone on with.
    Applying,
    /// A call is about to be sent.
    Begun {
        /// For which step.
        step: String,
        /// What the thing was just now.
        before: State,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// It was done.
    Done {
        /// Which step.
        step: String,
        /// Somebody had done it already: it is not taken back.
        found: bool,
        /// What came of it: `AccessKeyId`, `VersionId`, `UniqueId`.
        made: Value,
        /// In milliseconds.
        took: u64,
    },
    /// It failed.
    Failed {
        /// Which step; `None`: before or between the steps.
        step: Option<String>,
        /// Why.
        error: Error,
    },
    /// A proof was made.
    Proved {
        /// Which.
        proof: String,
        /// What came of it; `None`: it could not be called.
        outcome: Option<Expected>,
        /// What AWS said.
        said: Option<String>,
        /// What allows what should be refused.
        because: Vec<StatementView>,
        /// In milliseconds.
        took: u64,
    },
    /// It goes on at this time.
    Waiting {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// All is done.
    Finished {
        /// A proof went otherwise.
        defect: bool,
    },
    /// It is being taken back.
    Undoing,
    /// A call that takes a step back is about to be sent.
    UndoBegun {
        /// Which step.
        step: String,
    },
    /// It was taken back.
    Undone {
        /// Which step.
        step: String,
    },
    /// Taking back stopped there.
    UndoFailed {
        /// At which step.
        step: Option<String>,
        /// Why.
        error: Error,
    },
    /// All is taken back.
    AllUndone,
}

/// How far a step is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepProgress {
    /// A call was sent, or was about to be: what the thing was before it, and when.
    pub begun: Option<(State, OffsetDateTime)>,
    /// It ended: whether it was found done, what came of it, and how long it took.
    pub done: Option<(bool, Value, u64)>,
    /// Why it failed last.
    pub error: Option<Error>,
    /// It was taken back.
    pub undone: bool,
    /// It is under way now, and may wait for something; never journalled.
    pub running: bool,
    /// What it waits for; never journalled.
    pub waits_for: Option<String>,
}

/// What came of a proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proved {
    /// `None`: it could not be called.
    pub outcome: Option<Expected>,
    /// What AWS said.
    pub said: Option<String>,
    /// What allows what should be refused.
    pub because: Vec<StatementView>,
    /// In milliseconds.
    pub took: u64,
}

/// How a proof went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProofProgress {
    /// Its line.
    pub made: Option<Proved>,
    /// It is under way now; never journalled.
    pub running: bool,
    /// What it waits for; never journalled.
    pub waits_for: Option<String>,
}

/// Where a plan stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// By the steps' names.
    pub steps: BTreeMap<String, StepProgress>,
    /// By the proofs' names.
    pub proofs: BTreeMap<String, ProofProgress>,
    /// As of the last line; `None`: it was never applied.
    pub stage: Option<SetupState>,
    /// Why it stopped.
    pub error: Option<Error>,
    /// It goes on then.
    pub waits_until: Option<OffsetDateTime>,
    /// Where it stood before it was to be taken back.
    before_undo: Option<SetupState>,
}

impl Progress {
    /// Takes a line in.
    pub fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Plan { .. } => {}
            Entry::Applying => (self.stage, self.error, self.waits_until) = (Some(SetupState::Applying), None, None),
            Entry::Begun { step, before, at } => {
                let step = self.step(step);
                // The first one counts: after a crash the thing may be what the call made of it.
                step.begun.get_or_insert_with(|| (before.clone(), *at));
                step.error = None;
            }
            Entry::Done { step, found, made, took } => {
                let step = self.step(step);
                (step.done, step.error, step.undone) = (Some((*found, made.clone(), *took)), None, false);
            }
            // Nothing was taken back: it stands where it stood.
            Entry::UndoFailed { step: None, error } => {
                let stood = self.before_undo.filter(|stage| !matches!(stage, SetupState::Applying | SetupState::Undoing)).unwrap_or(SetupState::Stopped);
                (self.stage, self.error) = (Some(stood), Some(error.clone()));
            }
            Entry::Failed { step, error } | Entry::UndoFailed { step, error } => {
                if let Some(step) = step {
                    self.step(step).error = Some(error.clone());
                }
                (self.stage, self.error) = (Some(SetupState::Stopped), Some(error.clone()));
            }
            Entry::Proved { proof, outcome, said, because, took } => {
                self.proofs.entry(proof.clone()).or_default().made =
                    Some(Proved { outcome: *outcome, said: said.clone(), because: because.clone(), took: *took });
            }
            Entry::Waiting { until } => (self.stage, self.waits_until) = (Some(SetupState::Waiting), Some(*until)),
            Entry::Finished { defect } => {
                (self.stage, self.waits_until) = (Some(if *defect { SetupState::Defect } else { SetupState::Done }), None);
            }
            Entry::Undoing => {
                self.before_undo = self.stage;
                (self.stage, self.error, self.waits_until) = (Some(SetupState::Undoing), None, None);
            }
            Entry::UndoBegun { step } => self.step(step).error = None,
            Entry::Undone { step } => {
                let step = self.step(step);
                *step = StepProgress { undone: true, ..StepProgress::default() };
            }
            Entry::AllUndone => (self.stage, self.error) = (Some(SetupState::Undone), None),
        }
    }

    /// A step's, made where there is none.
    pub fn step(&mut self, id: &str) -> &mut StepProgress {
        self.steps.entry(id.to_owned()).or_default()
    }

    /// Where a step is.
    pub fn state_of(&self, id: &str) -> StepState {
        match self.steps.get(id) {
            Some(step) if step.running => StepState::Running,
            Some(step) if step.error.is_some() => StepState::Failed,
            Some(step) if step.undone => StepState::Undone,
            Some(StepProgress { done: Some((true, ..)), .. }) => StepState::Exists,
            Some(StepProgress { done: Some((false, ..)), .. }) => StepState::Done,
            Some(_) | None => StepState::Pending,
        }
    }

    /// What came of a step: `AccessKeyId`.
    pub fn made(&self, step: &str, what: &str) -> Option<String> {
        let (_, made, _) = self.steps.get(step)?.done.as_ref()?;
        made.get(what)?.as_str().map(str::to_owned)
    }

    /// Whether there may be something of ours in the world.
    pub fn touched(&self, step: &str) -> bool {
        self.steps.get(step).is_some_and(|step| !step.undone && (step.begun.is_some() && step.done.is_none() || matches!(step.done, Some((false, ..)))))
    }
}

/// The folder of the journals.
pub fn folder(data: &Path) -> PathBuf {
    data.join("setup")
}

/// The journal of a plan.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal of the plan `id`, there or not.
    pub fn of(data: &Path, id: &str) -> Option<Self> {
        let plain = !id.is_empty() && id.len() <= 160 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        plain.then(|| Self { path: folder(data).join(format!("{id}.jsonl")) })
    }

    /// Writes a line, and comes back when it is on the disk.
    pub fn write(&self, entry: &Entry) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            files::private_folder(folder)?;
        }
        let mut line = serde_json::to_vec(entry).map_err(|_| Error::invalid("journal entry", "", "JSON"))?;
        line.push(b'\n');
        append::append(&self.path, &line).map_err(|error| Error::file("write the journal", &self.path, &error))
    }

    /// The plan and where it stands; `None` where there is none.
    pub fn read(&self) -> Result<Option<(Plan, Progress)>> {
        let mut text = String::new();
        match append::read(&self.path) {
            Ok(mut file) => file.read_to_string(&mut text).map_err(|error| Error::file("read the journal", &self.path, &error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read the journal", &self.path, &error)),
        };
        let mut entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let Some(Entry::Plan { plan }) = entries.next() else { return Ok(None) };
        let mut progress = Progress::default();
        for entry in entries {
            progress.take(&entry);
        }
        Ok(Some((*plan, progress)))
    }
}

/// The plans that have a journal.
pub fn ids(data: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder(data)) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".jsonl").map(str::to_owned)).collect()
}
