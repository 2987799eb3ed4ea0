//! Approval: a profile that asks is handed to a program only after a person said yes in the window or in a notification.
//!
//! There is no request of the socket that approves: a program could send it for itself. What was allowed is remembered for the
//! program, the profile and where it led, in memory only. Whatever is not certain asks again, and where nobody can be asked the
//! answer is no.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::{
    Agent, Asker,
    asker::Who,
    leads::Leads,
    prompts::{About, Arrival, PERSON_WITHIN, Question},
};
use crate::{
    error::{Code, Error, Result},
    model::{profile::ProfileName, prompt::PromptAnswer},
    store::aws_files::edit::Edit,
};

/// The property that says that a profile asks.
pub(super) const ASKS: &str = "stagedoor_ask";

/// What a person allowed.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    /// Until Stagedoor is locked or ends.
    kept: BTreeSet<(ProfileName, String, Who)>,
    /// Once more, for who could not wait for the answer.
    once: BTreeMap<(ProfileName, String, Who), OffsetDateTime>,
}

impl Agent {
    fn approvals(&self) -> std::sync::MutexGuard<'_, Approvals> {
        self.0.approvals.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Forgets what was allowed, and puts open questions away.
    pub(super) fn forget_approvals(&self) {
        *self.approvals() = Approvals::default();
        self.dismiss(|question| !matches!(question, Question::Code(_)));
    }

    /// Whether a program may have this profile: waits for a person where it has to.
    pub(super) async fn allowed(&self, leads: &Leads, way: &str, asker: &Asker, arrival: Arrival) -> Result<()> {
        if !leads.chain.asks || asker.is_ours() {
            return Ok(());
        }
        let profile = &leads.chain.profile;
        let who = asker.who();
        let wish = (profile.clone(), leads.mark.clone(), who.clone());
        if self.remembered(&wish) {
            return Ok(());
        }
        self.ask_to(Question::Approval(wish.0, wish.1, wish.2), leads, way, asker, arrival).await?;
        // A number of a process can be given to another while a person reads, and a process can become another program.
        if asker.who() != who {
            return Err(Error::new(
                Code::ApprovalRequired,
                format!("{} is no longer the program that was allowed to have {profile}", asker.name),
                "Run it again, and leave it running until it has its credentials",
            ));
        }
        Ok(())
    }

    /// The same, for a profile by its name.
    pub(super) async fn allowed_by_name(&self, profile: &ProfileName, way: &str, asker: &Asker) -> Result<()> {
        let leads = Leads::of(&*self.files()?, profile)?;
        self.allowed(&leads, way, asker, self.arrival()).await
    }

    /// Lets a person answer a question about what `asker` wants.
    async fn ask_to(&self, question: Question, leads: &Leads, way: &str, asker: &Asker, arrival: Arrival) -> Result<()> {
        let profile = &leads.chain.profile;
        if self.0.parts.windowless {
            return Err(Error::new(
                Code::ApprovalRequired,
                format!("{profile} asks before it is handed out, and this agent has no window to ask in"),
                "Start the Stagedoor app, and run this again",
            ));
        }
        let mut seat = self.take_seat(question, About::of(leads, way, None), asker.view(&self.0.parts.paths), arrival)?;
        match seat.answer().await {
            Some(PromptAnswer::Allow | PromptAnswer::AllowSession) => Ok(()),
            Some(PromptAnswer::Deny) => Err(Error::new(
                Code::ApprovalDenied,
                format!("{} may not have {profile}: it was denied in Stagedoor", asker.name),
                "Run it again and allow it, if it was denied by mistake",
            )),
            Some(PromptAnswer::Dismiss) | None => {
                Err(Error::new(Code::ApprovalRequired, format!("Nobody allowed {} to have {profile}", asker.name), "Run it again, and allow it in Stagedoor"))
            }
        }
    }

    fn remembered(&self, wish: &(ProfileName, String, Who)) -> bool {
        let now = self.now();
        let mut approvals = self.approvals();
        approvals.once.retain(|_, until| now < *until);
        matches!(wish.2, Who::Program(_)) && approvals.kept.contains(wish) || approvals.once.remove(wish).is_some()
    }

    /// What follows from an answer, before those who wait hear it.
    pub(super) fn decided(&self, question: &Question, answer: PromptAnswer, comes_again: bool) {
        let Question::Approval(profile, mark, who) = question else { return };
        let wish = (profile.clone(), mark.clone(), who.clone());
        match (answer, who) {
            (PromptAnswer::AllowSession, Who::Program(_)) => {
                self.approvals().kept.insert(wish);
            }
            (PromptAnswer::Allow, Who::Program(_) | Who::Process(..)) if comes_again => {
                let until = self.now() + PERSON_WITHIN;
                self.approvals().once.insert(wish, until);
            }
            _ => {}
        }
    }

    /// Whether a profile asks before it is handed out. A program that wants it to stop asking has to be allowed to.
    pub async fn set_asks(&self, profile: &ProfileName, yes: bool, asker: &Asker) -> Result<()> {
        let files = self.files()?;
        let section = files.profile(profile).ok_or_else(|| crate::model::resolve::missing_profile(profile))?;
        let asks = section.get(ASKS).is_some();
        if !yes && asks && !asker.is_ours() {
            let leads = Leads::of(&files, profile)?;
            self.ask_to(Question::StopAsking(profile.clone(), asker.who()), &leads, "stop_asking", asker, self.arrival()).await?;
        }
        let _edit = self.0.editing.lock().await;
        if yes || asks {
            let edit = Edit::set_all(profile, &[(ASKS, yes.then_some("true"))])?;
            self.write_kept(&edit, &format!("ask before {profile} is handed out: {}", if yes { "yes" } else { "no" })).await?;
        }
        self.publish();
        Ok(())
    }
}
