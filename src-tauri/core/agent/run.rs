//! The life of the agent: the tasks that run beside requests.
//!
//! Publishing, sealing, renewing and glancing at the files each wait for their own signal, so that a burst of requests is one
//! snapshot and one sealing.

use std::time::{Duration, Instant};

use super::{Agent, activity::recording};
use crate::model::lock::SecretsPlace;

/// How often the AWS files are looked at for other people's changes: what they change is in the window well within a second.
const GLANCE: Duration = Duration::from_millis(250);

/// One look in so many is at the practice account too.
const PRACTICE_GLANCE: u32 = 4;

/// Snapshots for small changes are not made more often than this.
const BREATH: Duration = Duration::from_millis(40);

/// Runs everything that runs beside requests, until [`Agent::close`].
pub async fn run(agent: Agent) {
    let mut closing = agent.closing();
    agent.sweep_aws_files();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = publishing(&agent) => {}
        () = sealing(&agent) => {}
        () = agent.keep_renewing() => {}
        () = agent.mind_the_clock() => {}
        () = glancing(&agent) => {}
        () = agent.lock_in_time() => {}
        () = super::lease::lasting(&agent) => {}
        () = super::credentials_file::keeping(&agent) => {}
        () = recording(&agent) => {}
        () = agent.remind() => {}
    }
}

async fn publishing(agent: &Agent) {
    loop {
        agent.0.touched.notified().await;
        let began = Instant::now();
        agent.publish();
        // Where there are thousands of profiles, the rest of the work comes first.
        tokio::time::sleep(BREATH.max(began.elapsed() * 4)).await;
    }
}

async fn sealing(agent: &Agent) {
    loop {
        agent.0.unsealed.notified().await;
        let began = Instant::now();
        let _ = agent.seal().await;
        agent.save_choices().await;
        agent.0.touched.notify_one();
        tokio::time::sleep(began.elapsed()).await;
    }
}

async fn glancing(agent: &Agent) {
    for look in (1..=PRACTICE_GLANCE).cycle() {
        tokio::time::sleep(GLANCE).await;
        let _ = agent.files();
        agent.look_at_the_clock();
        if look == PRACTICE_GLANCE {
            agent.look_at_practice().await;
        }
    }
}

impl Agent {
    /// Nothing would be lost if this agent ended.
    pub(super) fn has_nothing(&self) -> bool {
        // Whoever unlocked the vault for hours is not asked again after one without a session.
        if self.0.secrets.place() == SecretsPlace::Vault && self.0.secrets.vault().is_open() {
            return false;
        }
        let state = self.state();
        state.sources.is_empty() && self.0.leases.is_empty() && state.sessions.values().all(|session| session.held.is_none())
    }
}
