//! Leases while Stagedoor is locked: they lie sealed, nobody can read them, and one of them may still be stopped.
//!
//! The sealed file cannot be rewritten without its key. What was stopped is written down instead, in the settings, so that it
//! holds through a restart, and the leases are left out when the file is opened the next time.

use std::sync::PoisonError;

use super::{super::Agent, Asker, Lease};
use crate::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
    store::settings::StoppedLeases,
};

/// What is remembered of a lease that was sealed: what a person calls it, and nothing that could be handed out.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    id: String,
    name: String,
    profile: ProfileName,
}

impl Agent {
    /// Takes the leases out of memory because it is locked.
    pub(in crate::agent) fn put_leases_away(&self) {
        let leases = self.forget_leases();
        let sealed = leases.iter().map(|lease| Sealed { id: lease.id.clone(), name: lease.name().to_owned(), profile: lease.request.profile.clone() });
        self.remember_sealed(Some(sealed.collect()));
    }

    /// Whether a lease that was sealed comes back.
    pub(super) fn comes_back(&self, lease: &Lease) -> bool {
        !self.choices().stopped_leases.has(&lease.id)
    }

    /// Unlocked: what was stopped meanwhile leaves the sealed file too, and only then the settings.
    pub(in crate::agent) async fn forget_stopped_leases(&self) {
        self.remember_sealed(None);
        let stopped = self.choices().stopped_leases.clone();
        if stopped == StoppedLeases::default() || self.0.sealed.unread() || self.seal().await.is_err() {
            return;
        }
        // Not written, it costs a lease at most, after a restart.
        let _ = self.choose(|choices| choices.stopped_leases = StoppedLeases::default()).await;
    }

    /// Stops a lease that lies sealed, or all of them.
    pub(super) async fn stop_sealed(&self, lease: Option<&str>, asker: &Asker) -> Result<()> {
        let stopped = self.choices().stopped_leases.clone();
        let sealed = self.0.leases.sealed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (known, sealed) = (sealed.is_some(), sealed.unwrap_or_default());
        let mut running = sealed.into_iter().filter(|sealed| !stopped.has(&sealed.id)).collect::<Vec<_>>();
        if let Some(lease) = lease {
            let id = running.iter().find(|sealed| sealed.id == lease).or_else(|| running.iter().find(|sealed| sealed.name == lease));
            let id = match id {
                Some(sealed) => sealed.id.clone(),
                None if known || stopped.has(lease) => return Err(super::no_lease(lease)),
                // After a restart a name says nothing, and an ID all that is needed.
                None if is_id(lease) => lease.to_owned(),
                None => return Err(unknown()),
            };
            running.retain(|sealed| sealed.id == id);
            self.choose(|choices| choices.stopped_leases.ids.extend([id])).await?;
        } else {
            self.choose(|choices| choices.stopped_leases.all = true).await?;
        }
        for sealed in running {
            self.note(&sealed.profile, asker, &format!("lease {}", sealed.name), "stopped");
        }
        Ok(())
    }

    fn remember_sealed(&self, sealed: Option<Vec<Sealed>>) {
        *self.0.leases.sealed.lock().unwrap_or_else(PoisonError::into_inner) = sealed;
    }
}

/// As `new_id` makes them.
fn is_id(lease: &str) -> bool {
    lease.len() == 8 && lease.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn unknown() -> Error {
    Error::new(
        Code::Locked,
        "Stagedoor is locked, and was started anew since: the names of its leases are sealed",
        "Stop it by its ID, or all of them: stagedoor lease stop --all; or unlock it first: stagedoor unlock",
    )
}
