//! Approval: a profile that asks is handed to a program only after a person said yes in the window or in a notification.
//!
//! There is no request of the socket that approves: a program could send it for itself. What was allowed is remembered for the
//! program, the profile, where it led and what it gave, in memory only. Whatever is not certain asks again, and where nobody can
//! be asked the answer is no.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::{
    Agent, Asker,
    asker::Who,
    endpoint,
    leads::Leads,
    program::look,
    prompts::{About, Arrival, PERSON_WITHIN, Question},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        chain::{Base, Chain},
        profile::ProfileName,
        prompt::{Gives, PromptAnswer},
    },
    store::aws_files::edit::Edit,
};

/// The property that says that a profile asks.
pub(super) const ASKS: &str = "stagedoor_ask";

/// What a person is asked to allow: all of it is the question, and what a yes is remembered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wish {
    profile: ProfileName,
    /// Where the profile leads.
    mark: String,
    gives: Gives,
    pub(super) who: Who,
}

impl Wish {
    /// Whether a yes may stand for the next time too.
    pub(super) fn may_be_remembered(&self) -> bool {
        matches!(self.who, Who::Program(_)) && self.gives.may_be_remembered()
    }
}

/// What a way out of a profile gives away.
pub(super) fn gives(chain: &Chain, way: &str) -> Gives {
    match way {
        "console" => Gives::Console,
        "lease" => Gives::Lease,
        "file" => Gives::CredentialsFile,
        "plain_file" => Gives::PlainKey,
        // The endpoint has no answer without a session token.
        endpoint::DELIVERY => Gives::TemporaryCredentials,
        _ if chain.hand_out_access_key && chain.hops.is_empty() && matches!(chain.base, Base::AccessKey { .. }) => Gives::AccessKey,
        _ => Gives::TemporaryCredentials,
    }
}

/// What a person allowed.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    /// Until Stagedoor is locked or ends.
    kept: BTreeSet<Wish>,
    /// Once more, for who could not wait for the answer.
    once: BTreeMap<Wish, OffsetDateTime>,
    /// To commands that were led to the container endpoint.
    commands: Vec<Command>,
}

/// A command that was allowed to have a profile by the container endpoint, with all that it starts: as if it had the credentials in
/// its environment.
#[derive(Debug)]
struct Command {
    profile: ProfileName,
    mark: String,
    pid: u32,
    started: u64,
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

    /// Whether a program may have this profile by a way that gives so much: waits for a person where it has to.
    pub(super) async fn allowed(&self, leads: &Leads, way: &str, gives: Gives, asker: &Asker, arrival: Arrival) -> Result<()> {
        if !leads.chain.asks || asker.is_ours() {
            return Ok(());
        }
        let profile = &leads.chain.profile;
        if way == endpoint::DELIVERY && self.was_led_there(leads, asker) {
            return Ok(());
        }
        let who = asker.who();
        let wish = Wish { profile: profile.clone(), mark: leads.mark.clone(), gives, who: who.clone() };
        if self.remembered(&wish) {
            return Ok(());
        }
        self.ask_to(Question::Approval(wish), About::of(leads, way, Some(gives), None), asker, arrival).await?;
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

    /// The process `pid` was allowed to have this profile at the container endpoint. It becomes the command.
    pub(super) fn allow_command(&self, leads: &Leads, asker: &Asker, pid: Option<u32>) -> Result<()> {
        let Some((pid, process)) = pid.and_then(|pid| Some((pid, look(pid)?))).filter(|_| leads.chain.asks && !asker.is_ours()) else { return Ok(()) };
        let mut approvals = self.approvals();
        self.unlocked()?;
        approvals.commands.retain(|command| look(command.pid).is_some_and(|now| now.started == command.started));
        approvals.commands.push(Command { profile: leads.chain.profile.clone(), mark: leads.mark.clone(), pid, started: process.started });
        Ok(())
    }

    fn was_led_there(&self, leads: &Leads, asker: &Asker) -> bool {
        let same = |command: &&Command| command.profile == leads.chain.profile && command.mark == leads.mark;
        self.approvals().commands.iter().filter(same).any(|command| asker.comes_from(command.pid, command.started))
    }

    /// The same, for a profile by its name.
    pub(super) async fn allowed_by_name(&self, profile: &ProfileName, way: &str, asker: &Asker) -> Result<()> {
        let leads = Leads::of(&*self.files()?, profile)?;
        self.allowed(&leads, way, gives(&leads.chain, way), asker, self.arrival()).await
    }

    /// Lets a person answer a question about what `asker` wants.
    async fn ask_to(&self, question: Question, about: About, asker: &Asker, arrival: Arrival) -> Result<()> {
        self.unlocked()?;
        let profile = about.profile.clone();
        if self.0.parts.windowless {
            return Err(Error::new(
                Code::ApprovalRequired,
                format!("{profile} asks before it is handed out, and this agent has no window to ask in"),
                "Start the Stagedoor app, and run this again",
            ));
        }
        let mut seat = self.take_seat(question, about, asker.view(&self.0.parts.paths), arrival)?;
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

    fn remembered(&self, wish: &Wish) -> bool {
        let now = self.now();
        let mut approvals = self.approvals();
        approvals.once.retain(|_, until| now < *until);
        wish.may_be_remembered() && approvals.kept.contains(wish) || approvals.once.remove(wish).is_some()
    }

    /// What follows from an answer, before those who wait hear it. Nothing, where it was locked or should be by now.
    pub(super) fn decided(&self, question: &Question, answer: PromptAnswer, comes_again: bool) -> Result<()> {
        match answer {
            PromptAnswer::Allow | PromptAnswer::AllowSession => {}
            PromptAnswer::Deny | PromptAnswer::Dismiss => return Ok(()),
        }
        let until = self.now() + PERSON_WITHIN;
        // Who locks forgets under the same lock, after it is shut: what is kept here is forgotten then, or not kept.
        let mut approvals = self.approvals();
        self.unlocked()?;
        let Question::Approval(wish) = question else { return Ok(()) };
        if answer == PromptAnswer::AllowSession && wish.may_be_remembered() {
            approvals.kept.insert(wish.clone());
        } else if comes_again && wish.who != Who::Nobody {
            approvals.once.insert(wish.clone(), until);
        }
        Ok(())
    }

    /// Whether a profile asks before it is handed out. A program that wants it to stop asking has to be allowed to.
    pub async fn set_asks(&self, profile: &ProfileName, yes: bool, asker: &Asker) -> Result<()> {
        let files = self.files()?;
        let section = files.profile(profile).ok_or_else(|| crate::model::resolve::missing_profile(profile))?;
        let asks = section.get(ASKS).is_some();
        if !yes && asks && !asker.is_ours() {
            let leads = Leads::of(&files, profile)?;
            let about = About::of(&leads, "stop_asking", None, None);
            self.ask_to(Question::StopAsking(profile.clone(), asker.who()), about, asker, self.arrival()).await?;
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
