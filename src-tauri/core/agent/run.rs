//! The life of the agent: the tasks that run beside requests.
//!
//! Publishing, sealing, renewing and glancing at the files each wait for their own signal, so that a burst of requests is one
//! snapshot and one sealing.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::{Agent, activity::recording, issuing::Want, leads::Leads, renewal::Decision, state::WARN_BEFORE};
use crate::{
    error::Code,
    model::{lock::SecretsPlace, profile::ProfileName, snapshot::Event},
};

/// The renewal looks at least this often.
const LOOK: time::Duration = time::Duration::seconds(30);

/// How many requests to AWS the renewal has under way at once.
const IN_FLIGHT: usize = 20;

/// How often the AWS files and the practice account are looked at for other people's changes.
const GLANCE: Duration = Duration::from_secs(1);

/// Snapshots for small changes are not made more often than this.
const BREATH: Duration = Duration::from_millis(40);

/// Runs everything that runs beside requests, until [`Agent::close`].
pub async fn run(agent: Agent) {
    let mut closing = agent.closing();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = publishing(&agent) => {}
        () = sealing(&agent) => {}
        () = renewing(&agent) => {}
        () = glancing(&agent) => {}
        () = agent.lock_in_time() => {}
        () = super::lease::lasting(&agent) => {}
        () = super::credentials_file::keeping(&agent) => {}
        () = recording(&agent) => {}
    }
}

async fn publishing(agent: &Agent) {
    loop {
        agent.0.touched.notified().await;
        agent.publish();
        tokio::time::sleep(BREATH).await;
    }
}

async fn sealing(agent: &Agent) {
    loop {
        agent.0.unsealed.notified().await;
        let _ = agent.seal().await;
        agent.save_choices();
        agent.publish();
    }
}

async fn glancing(agent: &Agent) {
    loop {
        tokio::time::sleep(GLANCE).await;
        let _ = agent.files();
        agent.look_at_practice().await;
    }
}

async fn renewing(agent: &Agent) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let now = agent.now();
        for event in agent.endings(now) {
            agent.tell(event);
        }
        if agent.state().sweep(now) {
            agent.0.touched.notify_one();
        }
        for profile in agent.due(now) {
            let (agent, permits) = (agent.clone(), Arc::clone(&permits));
            tokio::spawn(async move {
                let _permit = permits.acquire_owned().await;
                agent.renew(&profile).await;
            });
        }
        let next = agent.next_look(now);
        tokio::select! {
            () = agent.0.parts.clock.sleep_until(next) => {}
            () = agent.0.due.notified() => {}
        }
    }
}

impl Agent {
    /// Sessions that should be renewed now and can be without a person.
    fn due(&self, now: OffsetDateTime) -> Vec<ProfileName> {
        let due = |(profile, session): (&ProfileName, &super::state::Session)| {
            let held = session.held.as_ref()?;
            let alone = session.person_from.is_none_or(|from| now < from);
            (alone
                && now >= held.due()
                && session.renewal.decide(Some(held), now) == Decision::Ask
                && !self.0.flights.has(&(profile.clone(), session.mark.clone())))
            .then(|| (profile.clone(), session.mark.clone()))
        };
        let due: Vec<_> = self.state().sessions.iter().filter_map(due).collect();
        let Ok(files) = self.files() else { return Vec::new() };
        // A profile that leads elsewhere by now is not renewed: it is another session, which somebody starts.
        let current = |(profile, of): &(ProfileName, String)| Leads::of(&files, profile).is_ok_and(|leads| leads.mark == *of);
        due.into_iter().filter(current).map(|(profile, _)| profile).collect()
    }

    /// Renews one session; a failure is told once for each expiration.
    async fn renew(&self, profile: &ProfileName) {
        // It may have been stopped while this waited for its turn.
        if !self.state().sessions.contains_key(profile) {
            return;
        }
        self.ensure(profile, Want::program()).await.map(|_| ()).unwrap_or_default();
        let failed = {
            let mut state = self.state();
            state.sessions.get_mut(profile).and_then(|session| {
                let error = session.error.clone()?;
                let expiration = session.held.as_ref().map(|held| held.credentials.expiration);
                let news = session.told_failure.is_none() || session.told_failure != expiration;
                session.told_failure = expiration.or(session.told_failure);
                (news && error.code != Code::MfaCodeRequired).then_some(error)
            })
        };
        if let Some(error) = failed {
            self.tell(Event::RenewalFailed { profile: profile.clone(), error });
        }
        self.0.touched.notify_one();
    }

    /// MFA-bound sessions that end within ten minutes and that nobody was told about.
    fn endings(&self, now: OffsetDateTime) -> Vec<Event> {
        let mut events = Vec::new();
        for (profile, session) in &mut self.state().sessions {
            let Some(expiration) = session.held.as_ref().map(|held| held.credentials.expiration) else { continue };
            let bound = session.person_from.zip(session.held.as_ref()).is_some_and(|(from, held)| from <= held.due().max(now));
            if bound && session.told_ending != Some(expiration) && now < expiration && expiration - now <= WARN_BEFORE {
                session.told_ending = Some(expiration);
                events.push(Event::SessionEnding { profile: profile.clone(), expiration });
            }
        }
        events
    }

    /// Nothing would be lost if this agent ended.
    pub(super) fn has_nothing(&self) -> bool {
        // Whoever unlocked the vault for hours is not asked again after one without a session.
        if self.0.secrets.place() == SecretsPlace::Vault && self.0.secrets.vault().is_open() {
            return false;
        }
        let state = self.state();
        state.sources.is_empty() && self.0.leases.is_empty() && state.sessions.values().all(|session| session.held.is_none())
    }

    fn next_look(&self, now: OffsetDateTime) -> OffsetDateTime {
        let state = self.state();
        let moments = state.sessions.values().filter_map(|session| session.held.as_ref()).flat_map(|held| {
            let end = held.credentials.expiration;
            [held.due(), end - WARN_BEFORE, end]
        });
        moments.filter(|at| *at > now).min().map_or(now + LOOK, |at| at.min(now + LOOK))
    }

    /// Writes the times of last use, which change too often to be written each time.
    pub(super) fn save_choices(&self) {
        let saved = self.choices().save(&self.0.parts.paths);
        self.problems().unsaved = saved.err();
    }
}
