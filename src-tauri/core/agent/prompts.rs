//! The questions that wait for a person, and who waits for each answer.
//!
//! A question is there as long as somebody waits: a caller has a [`Seat`], and whoever is killed leaves it. Callers who want the same
//! join the same question. Some ways out cannot wait (a tool gives them two seconds and asks again): their seats are kept for them.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
    time::Instant,
};

use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::{Agent, approval::Wish, asker::Who, leads::Leads};
use crate::{
    error::{Code, Error, Result},
    model::{
        profile::ProfileName,
        prompt::{AskerView, Gives, PromptAnswer, PromptKind, PromptView},
        snapshot::Event,
    },
    store::secrets,
};

/// How long a caller waits for people, in all. With the start of an agent before and the call to AWS after it, less than the minute
/// that the SDKs of AWS leave a `credential_process`.
pub(super) const PERSON_WITHIN: Duration = Duration::seconds(45);

/// The way of a tool that does not wait for a person and asks again by itself.
const COMES_AGAIN: &str = "endpoint";

/// How many questions there are at most: whoever makes more is no person's program.
const MOST: usize = 24;

/// How many askers are shown.
const SHOWN: usize = 5;

/// The same question within this time is asked again, not anew: the window does not come to the front for it.
const AGAIN: Duration = Duration::seconds(90);

/// When a request came: its waits, one after the other, share the time that it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    at: OffsetDateTime,
    real: Instant,
}

impl Arrival {
    /// What is left of `all` now, whatever the wall clock says.
    pub(super) fn left_of(&self, all: std::time::Duration) -> std::time::Duration {
        all.saturating_sub(self.real.elapsed())
    }
}

/// What makes two callers wait for the same answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// A code for this profile.
    Code(ProfileName),
    /// This, for this program.
    Approval(Wish),
    /// The profile shall stop asking, says this program.
    StopAsking(ProfileName, Who),
}

/// What a question says, besides who asks.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) profile: ProfileName,
    pub(super) role_arn: Option<String>,
    pub(super) mfa_serial: Option<String>,
    pub(super) way: String,
    pub(super) gives: Option<Gives>,
    /// The caller cannot wait and comes again.
    pub(super) comes_again: bool,
}

impl About {
    /// A way out of a profile.
    pub(super) fn of(leads: &Leads, way: &str, gives: Option<Gives>, mfa_serial: Option<&str>) -> Self {
        Self {
            profile: leads.chain.profile.clone(),
            role_arn: leads.chain.hops.last().map(|hop| hop.role_arn.to_string()),
            mfa_serial: mfa_serial.map(str::to_owned),
            way: way.to_owned(),
            gives,
            comes_again: way == COMES_AGAIN,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    asker: AskerView,
    until: OffsetDateTime,
    /// It could not wait, and its seat is kept.
    left: bool,
}

#[derive(Debug)]
struct Open {
    question: Question,
    about: About,
    since: OffsetDateTime,
    waiting: BTreeMap<u64, Waiting>,
    answered: watch::Sender<Option<PromptAnswer>>,
    error: Option<Error>,
}

/// All questions.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    open: BTreeMap<u64, Open>,
    last: u64,
    /// When a question was last over.
    over: BTreeMap<Question, OffsetDateTime>,
}

/// A caller's place at a question; dropped when it leaves.
#[derive(Debug)]
pub(super) struct Seat {
    agent: Agent,
    prompt: u64,
    place: u64,
    arrival: Arrival,
    answered: watch::Receiver<Option<PromptAnswer>>,
    comes_again: bool,
}

impl Open {
    fn view(&self, id: u64) -> PromptView {
        let (kind, may_remember) = match &self.question {
            Question::Code(_) => (PromptKind::MfaCode, false),
            Question::Approval(wish) => (PromptKind::Approval, wish.may_be_remembered()),
            Question::StopAsking(..) => (PromptKind::StopAsking, false),
        };
        let mut askers: Vec<AskerView> = Vec::new();
        for waiting in self.waiting.values() {
            if askers.len() < SHOWN && !askers.contains(&waiting.asker) {
                askers.push(waiting.asker.clone());
            }
        }
        PromptView {
            id,
            kind,
            profile: self.about.profile.clone(),
            role_arn: self.about.role_arn.clone(),
            mfa_serial: self.about.mfa_serial.clone(),
            way: self.about.way.clone(),
            gives: self.about.gives,
            askers,
            waiting: self.waiting.len(),
            may_remember,
            since: self.since,
            until: self.waiting.values().map(|waiting| waiting.until).max().unwrap_or(self.since),
            error: self.error.clone(),
        }
    }
}

impl Prompts {
    /// For the snapshot, oldest first.
    pub(super) fn views(&self) -> Vec<PromptView> {
        self.open.iter().map(|(id, open)| open.view(*id)).collect()
    }

    fn end(&mut self, id: u64, now: OffsetDateTime) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.over.retain(|_, at| now - *at < AGAIN && *at <= now);
        self.over.insert(open.question.clone(), now);
        Some(open)
    }
}

impl Agent {
    pub(super) fn prompts(&self) -> MutexGuard<'_, Prompts> {
        self.0.prompts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request comes now.
    pub(super) fn arrival(&self) -> Arrival {
        Arrival { at: self.now(), real: Instant::now() }
    }

    /// Takes a seat at a question, which is asked if it is not yet.
    pub(super) fn take_seat(&self, question: Question, about: About, asker: AskerView, arrival: Arrival) -> Result<Seat> {
        let (now, until) = (self.now(), arrival.at + PERSON_WITHIN);
        let comes_again = about.comes_again;
        let (seat, news) = {
            let mut prompts = self.prompts();
            // Who locks puts away, under the same lock, what is open then: nothing is asked behind its back.
            if self.locked() {
                return Err(secrets::locked());
            }
            // Two strangers are not the same because the system tells nothing of either.
            let alone = matches!(question, Question::Approval(Wish { who: Who::Nobody, .. }) | Question::StopAsking(_, Who::Nobody));
            let found = prompts.open.iter().find(|(_, open)| open.question == question && !alone).map(|(id, _)| *id);
            let again = prompts.over.get(&question).is_some_and(|at| *at <= now && now - *at < AGAIN);
            let (id, news) = match found {
                Some(id) => (id, false),
                None if prompts.open.len() >= MOST => return Err(too_many()),
                None => {
                    prompts.last += 1;
                    (prompts.last, true)
                }
            };
            prompts.last += 1;
            let place = prompts.last;
            let open = prompts.open.entry(id).or_insert_with(|| Open {
                question,
                about,
                since: now,
                waiting: BTreeMap::new(),
                answered: watch::Sender::new(None),
                error: None,
            });
            // Who comes again sits on the seat that was kept.
            if comes_again {
                open.waiting.retain(|_, waiting| waiting.asker != asker);
            }
            open.waiting.insert(place, Waiting { asker, until, left: false });
            let answered = open.answered.subscribe();
            let seat = Seat { agent: self.clone(), prompt: id, place, arrival, answered, comes_again };
            (seat, news.then(|| Event::Prompted { prompt: open.view(id), again }))
        };
        if let Some(event) = news {
            self.publish();
            self.tell(event);
        } else {
            self.0.touched.notify_one();
        }
        Ok(seat)
    }

    /// What a person says to a question. A code is given by starting the profile with it.
    pub fn answer_prompt(&self, id: u64, answer: PromptAnswer) -> Result<()> {
        let now = self.now();
        let Some(open) = self.prompts().end(id, now) else {
            return Err(Error::new(Code::Agent, "The program that asked no longer waits", "It asks again when it is run again"));
        };
        let decided = self.decided(&open.question, answer, open.waiting.values().any(|waiting| waiting.left));
        open.answered.send_replace(Some(if decided.is_ok() { answer } else { PromptAnswer::Dismiss }));
        self.publish();
        decided
    }

    /// Puts away the questions that `which` says; who waits is told that nobody answered.
    pub(super) fn dismiss(&self, which: impl Fn(&Question) -> bool) {
        let now = self.now();
        let ended: Vec<_> = {
            let mut prompts = self.prompts();
            let ids: Vec<_> = prompts.open.iter().filter(|(_, open)| which(&open.question)).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| prompts.end(id, now)).collect()
        };
        for open in &ended {
            open.answered.send_replace(Some(PromptAnswer::Dismiss));
        }
        if !ended.is_empty() {
            self.0.touched.notify_one();
        }
    }

    /// A code that a person typed for a profile was not taken: its question says so and stays.
    pub(super) fn code_not_taken(&self, profile: &ProfileName, error: &Error) {
        for open in self.prompts().open.values_mut().filter(|open| open.question == Question::Code(profile.clone())) {
            open.error = Some(error.clone());
        }
    }

    fn leave(&self, prompt: u64, place: u64) {
        let now = self.now();
        let mut prompts = self.prompts();
        let Some(open) = prompts.open.get_mut(&prompt) else { return };
        open.waiting.remove(&place);
        if open.waiting.is_empty() {
            prompts.end(prompt, now);
        }
        drop(prompts);
        self.0.touched.notify_one();
    }
}

impl Seat {
    fn until(&self) -> OffsetDateTime {
        self.arrival.at + PERSON_WITHIN
    }

    /// The answer; `None`: nobody gave one in time, or the agent ends.
    pub(super) async fn answer(&mut self) -> Option<PromptAnswer> {
        let (mut closing, until) = (self.agent.closing(), self.until());
        // The wall clock may be set while somebody waits, so that it is not the only one.
        let real = self.arrival.left_of(PERSON_WITHIN.unsigned_abs());
        tokio::select! {
            answered = self.answered.wait_for(Option::is_some) => answered.ok().and_then(|answer| *answer),
            () = self.agent.0.aws.clock.sleep_until(until) => None,
            () = tokio::time::sleep(real) => None,
            _ = closing.wait_for(|closing| *closing) => None,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (agent, prompt, place, until) = (self.agent.clone(), self.prompt, self.place, self.until());
        let kept = self.comes_again && self.answered.borrow().is_none() && agent.now() < until;
        let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| kept) else { return agent.leave(prompt, place) };
        if let Some(waiting) = agent.prompts().open.get_mut(&prompt).and_then(|open| open.waiting.get_mut(&place)) {
            waiting.left = true;
        }
        runtime.spawn(async move {
            agent.0.aws.clock.sleep_until(until).await;
            agent.leave(prompt, place);
        });
    }
}

fn too_many() -> Error {
    Error::new(Code::ApprovalRequired, "Too many programs wait for a person already", "Answer them in Stagedoor, then run this again")
}
