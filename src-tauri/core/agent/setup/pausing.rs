//! A plan that waits for a time, and the reminder when that has come.
//!
//! The time is counted from when the step began, which its journal has: a restart, or going on too early, changes nothing about it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{super::Agent, runs::Run};
use crate::{
    error::Result,
    model::{setup::SetupState, snapshot::Event},
    setup::{
        journal::{self, Entry},
        plan::Step,
    },
};

/// The reminders are looked at at least this often: the clock may have been set.
const LOOK: Duration = Duration::minutes(1);

impl Agent {
    /// `None`: it goes on later.
    pub(super) fn pause_step(&self, run: &Run, step: &Step, what: &str) -> Result<Option<(bool, Value)>> {
        let now = self.now();
        if begun(run, step).is_none() {
            self.journalled(run, &Entry::Begun { step: step.id.clone(), before: None, at: now })?;
        }
        if now >= self.until(run, step) {
            return Ok(Some((false, json!({}))));
        }
        self.show_step(run, &step.id, |progress| progress.waits_for = Some(what.to_owned()));
        Ok(None)
    }

    /// When it goes on.
    pub(super) fn until(&self, run: &Run, step: &Step) -> OffsetDateTime {
        let seconds = step.to.as_ref().and_then(|to| to.get("Seconds")?.as_i64()).unwrap_or_default();
        let since = begun(run, step).unwrap_or_else(|| self.now());
        since.checked_add(Duration::seconds(seconds)).unwrap_or(since)
    }

    /// Tells each plan whose time has come, once, until the agent ends.
    pub(in crate::agent) async fn remind(&self) {
        let mut told: BTreeSet<(String, OffsetDateTime)> = BTreeSet::new();
        let clock = self.0.aws.clock.clone();
        loop {
            let (mut next, now) = (self.now() + LOOK, self.now());
            for (id, title, until) in self.waiting() {
                if until > now {
                    next = next.min(until);
                } else if self.0.events.receiver_count() > 0 && told.insert((id.clone(), until)) {
                    // Without anybody who listens it waits for the next look.
                    self.tell(Event::SetupDue { id, title });
                }
            }
            tokio::select! {
                () = clock.sleep_until(next) => {}
                () = self.0.setups.waits.notified() => {}
            }
        }
    }

    fn waiting(&self) -> Vec<(String, String, OffsetDateTime)> {
        let waits = |id: String| {
            let run = self.run_of(&id).ok()?;
            let now = run.now();
            (now.stage == Some(SetupState::Waiting)).then_some(())?;
            Some((id, run.plan.title.clone(), now.waits_until?))
        };
        journal::ids(&self.0.parts.paths.data).into_iter().filter_map(waits).collect()
    }
}

fn begun(run: &Run, step: &Step) -> Option<OffsetDateTime> {
    run.now().steps.get(&step.id)?.begun.as_ref().map(|(_, at)| *at)
}
