//! Setup as the agent does it: plans in memory until they are applied, journals after that, one applied at a time.
//!
//! What a plan is and how it runs is in `core/setup`; here are the sessions of the admin profiles, the life of a run, and what the
//! window and the command line ask.

mod allowing;
mod claims;
mod leave;
mod local;
mod local_import;
mod local_key;
mod local_sessions;
mod pausing;
mod planning;
mod proving;
mod runs;
mod seats;
mod stepping;
mod undo_version;
mod undoing;
mod working;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::runs::Setups;
use self::working::Work;
use super::{Agent, Asker};
use crate::{
    error::{Code, Error, Result},
    model::{
        profile::ProfileName,
        setup::{AccountChoices, ExportFormat, Intent, PolicyText, SetupLine, SetupState, SetupView},
    },
    setup::{export, iam, journal, view},
};

/// How long a change is waited for.
const FOLLOWED: Duration = Duration::from_secs(20);

/// What a program asks about setups.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum SetupRequest {
    /// What there is to choose from. Reads only.
    Account {
        /// Who looks.
        admin: ProfileName,
    },
    /// A plan, compared with what exists. Reads only.
    Plan {
        /// Of what.
        intent: Box<Intent>,
    },
    /// Begins to apply a plan; how far it is, `Follow` tells.
    Apply {
        /// Which.
        id: String,
    },
    /// A plan as it stands.
    View {
        /// Which.
        id: String,
    },
    /// The same as soon as it is another than the one seen, or after twenty seconds.
    Follow {
        /// Which.
        id: String,
        /// Its `revision`.
        seen: u64,
    },
    /// All that were applied, the newest first.
    List,
    /// Begins to take a plan back.
    Undo {
        /// Which.
        id: String,
    },
    /// Begins to go on with one that stopped.
    Resume {
        /// Which.
        id: String,
    },
    /// A plan as a script.
    Export {
        /// Which.
        id: String,
        /// As what.
        format: ExportFormat,
    },
}

/// What the agent answers to that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupAnswer {
    /// What there is.
    Account(Box<AccountChoices>),
    /// A plan.
    View(Box<SetupView>),
    /// Past ones.
    List(Vec<SetupLine>),
    /// A script.
    Text(String),
    /// It began.
    Begun,
}

impl SetupRequest {
    /// The profiles that it names.
    pub(super) fn names(&self) -> Vec<&ProfileName> {
        match self {
            Self::Account { admin } => vec![admin],
            Self::Plan { intent } => intent.profiles(),
            Self::Apply { .. } | Self::View { .. } | Self::Follow { .. } | Self::List | Self::Undo { .. } | Self::Resume { .. } | Self::Export { .. } => {
                Vec::new()
            }
        }
    }
}

impl Agent {
    /// Answers a program.
    pub(super) async fn about_setup(&self, ask: SetupRequest, asker: &Asker) -> Result<SetupAnswer> {
        let view = |view| SetupAnswer::View(Box::new(view));
        let begun = |()| SetupAnswer::Begun;
        match ask {
            SetupRequest::Account { admin } => self.setup_account(&admin, asker).await.map(|account| SetupAnswer::Account(Box::new(account))),
            SetupRequest::Plan { intent } => self.setup_plan(*intent, asker).await.map(view),
            SetupRequest::Apply { id } => self.setup_apply(&id, asker).await.map(begun),
            SetupRequest::View { id } => self.setup_view(&id).map(view),
            SetupRequest::Follow { id, seen } => self.setup_follow(&id, seen).await.map(view),
            SetupRequest::List => self.setup_list().map(SetupAnswer::List),
            SetupRequest::Undo { id } => self.setup_undo(&id, asker).await.map(begun),
            SetupRequest::Resume { id } => self.setup_resume(&id, asker).await.map(begun),
            SetupRequest::Export { id, format } => self.setup_export(&id, format).map(SetupAnswer::Text),
        }
    }

    /// What there is in the account of `admin` to choose from. Reads only.
    pub async fn setup_account(&self, admin: &ProfileName, asker: &Asker) -> Result<AccountChoices> {
        Ok(iam::choices(&self.seat(admin, asker).await?).await)
    }

    /// The versions of a customer managed policy, for its editor. Reads only.
    pub async fn setup_policy(&self, admin: &ProfileName, arn: &str, asker: &Asker) -> Result<PolicyText> {
        let versions = iam::versions(&self.seat(admin, asker).await?, arn).await.map_err(|fault| fault.error)?;
        Ok(PolicyText { arn: arn.to_owned(), versions })
    }

    /// Makes a plan and compares it with what exists. Reads only.
    pub async fn setup_plan(&self, intent: Intent, asker: &Asker) -> Result<SetupView> {
        let plan = self.planned(intent, asker).await?;
        Ok(self.remember(plan)?.view())
    }

    /// Begins to apply a plan. One that is done already is left alone; one that is under way says who began it.
    pub async fn setup_apply(&self, id: &str, asker: &Asker) -> Result<()> {
        let run = self.run_of(id)?;
        if run.plan.blocked() {
            return Err(Error::new(Code::Conflict, "The plan cannot be applied as it is", "See what is in the way: it stands at its step"));
        }
        if !run.plan.changes() {
            return Ok(());
        }
        let claim = self.claim(&run, Work::Apply, asker)?;
        if run.now().stage.is_some() {
            return Ok(());
        }
        self.begin(claim, &run, Work::Apply, asker).await
    }

    /// A plan as it stands.
    pub fn setup_view(&self, id: &str) -> Result<SetupView> {
        Ok(self.run_of(id)?.view())
    }

    /// The same once it is another than the one with the revision `seen`, or after twenty seconds.
    pub async fn setup_follow(&self, id: &str, seen: u64) -> Result<SetupView> {
        let run = self.run_of(id)?;
        let _ = tokio::time::timeout(FOLLOWED, run.another(seen)).await;
        Ok(run.view())
    }

    /// All that were applied, the newest first.
    pub fn setup_list(&self) -> Result<Vec<SetupLine>> {
        let runs = journal::ids(&self.0.parts.paths.data).into_iter().filter_map(|id| self.run_of(&id).ok());
        let mut lines: Vec<_> = runs.map(|run| view::line(&run.plan, &run.now())).collect();
        lines.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.id.cmp(&a.id)));
        Ok(lines)
    }

    /// Begins to take a plan back.
    pub async fn setup_undo(&self, id: &str, asker: &Asker) -> Result<()> {
        let run = self.run_of(id)?;
        let claim = self.claim(&run, Work::Undo, asker)?;
        let progress = run.now();
        if !view::undoable(&run.plan, &progress) {
            let message = match progress.stage {
                None => format!("“{}” was never applied, so there is nothing to undo", run.plan.title),
                Some(SetupState::Undone) => format!("“{}” was undone already", run.plan.title),
                Some(_) => match run.plan.steps.iter().rfind(|step| step.irreversible && progress.touched(&step.id)) {
                    Some(step) => format!("“{}” cannot be undone any more: {}", run.plan.title, step.done_title),
                    None => format!("“{}” left nothing that could be undone", run.plan.title),
                },
            };
            return Err(Error::new(Code::InvalidValue, message, format!("See where it stands: stagedoor setup show {id}")));
        }
        self.begin(claim, &run, Work::Undo, asker).await
    }

    /// Begins to go on with a plan that stopped.
    pub async fn setup_resume(&self, id: &str, asker: &Asker) -> Result<()> {
        let run = self.run_of(id)?;
        let claim = self.claim(&run, Work::Apply, asker)?;
        let progress = run.now();
        if !view::resumable(&progress) {
            let message = if progress.stage.is_none() {
                format!("“{}” was never applied", run.plan.title)
            } else {
                format!("“{}” does not wait for anything", run.plan.title)
            };
            return Err(Error::new(Code::InvalidValue, message, format!("See where it stands: stagedoor setup show {id}")));
        }
        self.begin(claim, &run, Work::Apply, asker).await
    }

    /// A plan as a script for others to run.
    pub fn setup_export(&self, id: &str, format: ExportFormat) -> Result<String> {
        let run = self.run_of(id)?;
        export::export(&run.plan, format)
    }
}
