//! A plan at work: applied or taken back in a task of its own, one at a time, so that who asked may go and come back.
//!
//! Whatever ends it (a failure, a killed process) leaves a journal that says how far it is.

use std::sync::Arc;

use super::{
    super::{Agent, Asker},
    claims::Claim,
    runs::Run,
};
use crate::{
    error::Result,
    model::setup::{Standing, StepState},
    setup::{
        iam::Seat,
        journal::Entry,
        plan::{Plan, Step},
        thing::Thing,
    },
};

/// What is done with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Apply,
    Undo,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    /// It goes on at another time.
    Waits,
}

impl Agent {
    /// Begins. What needs a person (an MFA code of an admin) is asked for first.
    pub(super) async fn begin(&self, claim: Claim, run: &Arc<Run>, work: Work, asker: &Asker) -> Result<()> {
        self.unlocked()?;
        let mut seats = self.seats_again(&run.plan, asker).await?;
        match work {
            Work::Apply => self.may_prove(run, asker).await?,
            Work::Undo => self.may_lay_open(run, asker).await?,
        }
        if run.now().stage.is_none() {
            self.journalled(run, &Entry::Plan { plan: Box::new(run.plan.clone()) })?;
        }
        self.journalled(run, if work == Work::Apply { &Entry::Applying } else { &Entry::Undoing })?;
        let (agent, run, turn) = (self.clone(), Arc::clone(run), Arc::clone(&self.0.setups.turn));
        tokio::spawn(async move {
            let _turn = turn.lock_owned().await;
            let last = match work {
                Work::Apply => agent.apply(&run, &mut seats).await,
                Work::Undo => agent.undo(&run, &seats).await,
            };
            run.forget_sessions();
            agent.stands(&run, &last, claim);
            agent.publish();
        });
        Ok(())
    }

    /// Gives the line that says how it ended.
    async fn apply(&self, run: &Run, seats: &mut [Seat]) -> Entry {
        for step in &run.plan.steps {
            if step.standing == Standing::Exists && !run.now().steps.contains_key(&step.id) {
                continue;
            }
            if matches!(run.now().state_of(&step.id), StepState::Done | StepState::Exists) {
                continue;
            }
            for proof in run.plan.proofs.iter().filter(|proof| proof.before.as_deref() == Some(&*step.id)) {
                if self.prove(run, seats, proof).await != Some(proof.expected) {
                    let error = crate::error::Error::new(
                        crate::error::Code::Conflict,
                        format!("{} did not come out as it must before: {}", proof.title, step.title),
                        "Nothing more was changed: go on when it may work, or undo",
                    );
                    return Entry::Failed { step: None, error };
                }
            }
            let ended = match self.step(run, seats, step).await {
                // Whoever signs may be whoever got another key.
                Ok(Ended::Done) if matches!(step.thing, Thing::ProfileKey { .. }) => self.sign_anew(seats).await.map(|()| Ended::Done),
                ended => ended,
            };
            match ended {
                Ok(Ended::Done) => {}
                Ok(Ended::Waits) => return Entry::Waiting { until: self.until(run, step) },
                Err(error) => return Entry::Failed { step: Some(step.id.clone()), error },
            }
        }
        let mut defect = false;
        for proof in &run.plan.proofs {
            let before = run.now().proofs.get(&proof.id).and_then(|made| made.made.as_ref()?.outcome);
            let outcome = if before == Some(proof.expected) { before } else { self.prove(run, seats, proof).await };
            defect |= outcome != Some(proof.expected);
        }
        Entry::Finished { defect }
    }
}

/// The seat of a step.
pub(super) fn seat_of<'a>(plan: &Plan, seats: &'a [Seat], step: &Step) -> Option<&'a Seat> {
    debug_assert_eq!(plan.seats.len(), seats.len());
    seats.get(step.seat?)
}
