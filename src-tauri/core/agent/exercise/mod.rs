//! The guided exercise in the practice account: six steps, each really done with calls through the AWS SDK.
//!
//! Its keys, its seed and its sessions stay in the agent's memory; the window sees what was called and what AWS said.
//! Progress lives as long as the practice world does. What a step is about is in `plan`, its calls are in `steps`.

mod calls;
mod plan;
mod steps;
mod undo;

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Mutex;

use self::{
    calls::Play,
    plan::{Cast, STEPS},
};
use super::{Agent, practice::Running};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        arn::Partition,
        credentials::TemporaryCredentials,
        practice::{ExerciseView, LineView},
    },
};

/// How far it is, and what the next step needs of those before.
#[derive(Default)]
pub(super) struct Exercise {
    lines: [Vec<LineView>; STEPS],
    done: usize,
    kept: Kept,
    /// Held by the step that is under way. Another one: it is the exercise of another start.
    turn: Arc<Mutex<()>>,
}

/// What a step leaves for those that come.
#[derive(Clone, Default)]
struct Kept {
    sam: Option<AccessKey>,
    session: Option<TemporaryCredentials>,
    auditor: Option<AccessKey>,
    lent: Option<TemporaryCredentials>,
    revoked: Option<OffsetDateTime>,
}

fn cast(running: &Running) -> Cast {
    Cast { account: running.ready.account_id.clone(), partner: running.ready.partner_account_id.clone() }
}

/// The exercise as it stands.
pub(super) fn view(running: &Running, now: OffsetDateTime) -> ExerciseView {
    let Exercise { lines, done, kept, .. } = &running.exercise;
    let steps = plan::steps(&cast(running), kept.revoked.unwrap_or(now)).into_iter().zip(lines).map(|(mut step, lines)| {
        step.lines.clone_from(lines);
        step
    });
    ExerciseView { steps: steps.collect(), done: *done }
}

impl Agent {
    /// Does a step, counted from 1. One that was done is done again, and those after it are open again.
    pub async fn play_exercise(&self, number: usize) -> Result<()> {
        self.play(number.checked_sub(1).filter(|step| *step < STEPS)).await
    }

    /// Takes everything away that the exercise made.
    pub async fn restart_exercise(&self) -> Result<()> {
        self.play(None).await
    }

    /// `None`: only undoes. The practice account is not held while the step makes its calls: a reset, a stop or a look at it
    /// does not wait for them.
    async fn play(&self, step: Option<usize>) -> Result<()> {
        let config = self.practice_config().await?;
        let practice = self.0.practice.lock().await;
        let running = practice.as_ref().ok_or_else(super::practice::not_running)?;
        let (cast, world, exercise) = (cast(running), running.world.clone(), &running.exercise);
        let turn = Arc::clone(&exercise.turn);
        let busy = || Error::new(Code::InvalidValue, "A step of the exercise is under way", "Wait until it is done, then try again");
        let _turn = turn.try_lock().map_err(|_| busy())?;
        if let Some(step) = step.filter(|step| *step > exercise.done) {
            return Err(Error::new(Code::InvalidValue, format!("Step {} builds on the ones before", step + 1), format!("Do step {} first", exercise.done + 1)));
        }
        let first = step.unwrap_or(0);
        // An agent before this one may have left something behind: the world outlives its exercise.
        let again = first == 0 || !exercise.lines[first].is_empty();
        let mut kept = exercise.kept.clone();
        drop(practice);
        let mut play = Play { cast: &cast, world: &world, config: &config, now: self.now(), kept: &mut kept, lines: Vec::new() };
        if again {
            play.undo(first).await;
        }
        let played = match step {
            Some(step) => play.step(step).await,
            None => Ok(()),
        };
        let lines = play.lines;
        let noted = self.note_played(&turn, step, lines, kept, played.is_ok()).await;
        self.look_at_practice().await;
        noted.and(played)
    }

    /// Puts down how a step went, unless its exercise is gone.
    async fn note_played(&self, turn: &Arc<Mutex<()>>, step: Option<usize>, lines: Vec<LineView>, kept: Kept, done: bool) -> Result<()> {
        let mut practice = self.0.practice.lock().await;
        let exercise = practice.as_mut().map(|running| &mut running.exercise).filter(|exercise| Arc::ptr_eq(&exercise.turn, turn));
        let Some(exercise) = exercise else {
            return Err(Error::new(Code::InvalidValue, "The practice account was reset or stopped meanwhile", "Begin the exercise anew"));
        };
        let first = step.unwrap_or(0);
        (exercise.done, exercise.kept) = (first, kept);
        for old in &mut exercise.lines[first..] {
            old.clear();
        }
        if let Some(step) = step {
            exercise.lines[step] = lines;
            exercise.done += usize::from(done);
        }
        Ok(())
    }

    /// What an SDK needs to reach the practice account.
    async fn practice_config(&self) -> Result<aws_config::SdkConfig> {
        let practice = self.0.practice.lock().await;
        let endpoint = practice.as_ref().ok_or_else(super::practice::not_running)?.endpoint();
        drop(practice);
        let config = self.0.aws.config(&*self.files()?, super::practice::USER, Partition::Aws).await;
        Ok(config.into_builder().endpoint_url(endpoint).build())
    }
}
