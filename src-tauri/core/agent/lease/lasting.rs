//! How a lease lasts: renewed with the same narrowing while AWS gives less at once than was leased, and gone at its end.
//!
//! The windows are those of sessions. A renewal that fails keeps what still holds; nothing is handed out or renewed beyond the end.

use std::sync::atomic::Ordering;

use time::{Duration, OffsetDateTime};

use super::{
    super::{
        Agent, Asker,
        issuing::Want,
        leads::Leads,
        renewal::{Decision, Held},
    },
    Lease,
};
use crate::{
    aws::may_recover,
    error::{Code, Error, Result},
    model::{profile::ProfileName, snapshot::Event},
};

/// Leases are looked at at least this often.
const LOOK: Duration = Duration::seconds(30);

/// Renews and ends leases, until the agent closes.
pub(in crate::agent) async fn lasting(agent: &Agent) {
    loop {
        agent.end_leases();
        for id in agent.leases_due() {
            agent.0.leases.queued().insert(id.clone());
            let agent = agent.clone();
            tokio::spawn(async move {
                let permit = agent.0.renewals.acquire().await;
                agent.renew_due_lease(&id).await;
                drop(permit);
                agent.0.leases.queued().remove(&id);
            });
        }
        let next = agent.now() + agent.next_lease_look();
        tokio::select! {
            () = agent.0.aws.clock.sleep_until(next) => {}
            () = agent.0.leases.changed.notified() => {}
        }
    }
}

impl Lease {
    /// Whether AWS should be asked now.
    fn decide(&self, now: OffsetDateTime) -> Decision {
        match (self.valid(now), self.asks(now)) {
            (Some(_), None) => Decision::Hand,
            (None, None) => Decision::Tell(ended(self)),
            (_, Some(_)) => self.renewal.decide(self.held.as_ref(), now),
        }
    }
}

fn ended(lease: &Lease) -> Error {
    Error::new(Code::NoCredentials, format!("The lease “{}” has ended", lease.name()), format!("Make another: stagedoor lease {}", lease.request.profile))
}

impl Agent {
    /// Valid credentials of a lease: those that are there, or new ones with the same narrowing through one flight.
    pub(super) async fn ensure_lease(&self, id: &str) -> Result<Held> {
        self.unlocked()?;
        let lease = self.0.leases.find(id)?;
        let now = self.now_of(&lease.teller);
        if now >= lease.ends {
            return Err(ended(&lease));
        }
        let leads = Leads::of(&*self.files()?, &lease.request.profile)?;
        if leads.mark != lease.mark {
            return Err(Error::new(
                Code::NoCredentials,
                format!("{} leads elsewhere since the lease “{}” was made", lease.request.profile, lease.name()),
                format!("Make another: stagedoor lease {}", lease.request.profile),
            ));
        }
        let valid = lease.valid(now).cloned();
        match (lease.decide(now), &valid) {
            (Decision::Hand, Some(held)) => return Ok(held.clone()),
            (Decision::Tell(error), _) => return Err(error),
            (Decision::Hand, None) | (Decision::Ask, _) => {}
        }
        let (_, landed) = self.0.leases.flights.join(lease.id.clone(), || self.clone().renew_lease(lease.id.clone(), leads)).await;
        match (landed, valid) {
            (Err(error), Some(held)) if may_recover(&error) || error.code == Code::MfaCodeRequired => {
                if held.credentials.expired(self.now_of(&lease.teller)) || self.0.leases.find(&lease.id).is_err() { Err(error) } else { Ok(held) }
            }
            (landed, _) => landed,
        }
    }

    /// Renews a lease without anybody who waits for it; a failure is told once for each expiration.
    async fn renew_due_lease(&self, id: &str) {
        // What came of it stands in the lease; what still holds is handed out meanwhile.
        let _ = self.ensure_lease(id).await;
        let mut failed = None;
        self.0.leases.change(id, |lease| {
            let Some(error) = lease.error.clone() else { return };
            let expiration = lease.held.as_ref().map(|held| held.credentials.expiration);
            if lease.told_failure.is_none() || lease.told_failure != expiration {
                failed = Some(Event::LeaseRenewalFailed { lease: lease.name().to_owned(), profile: lease.request.profile.clone(), error });
            }
            lease.told_failure = expiration.or(lease.told_failure);
        });
        if let Some(event) = failed {
            self.tell(event);
        }
        self.0.touched.notify_one();
    }

    async fn renew_lease(self, id: String, leads: Leads) -> Result<Held> {
        let lease = self.0.leases.find(&id)?;
        let now = self.now_of(&lease.teller);
        let Some(duration) = lease.asks(now) else { return lease.valid(now).cloned().ok_or_else(|| ended(&lease)) };
        // Another flight may have landed since the caller looked.
        if let (Decision::Hand, Some(held)) = (lease.decide(now), lease.valid(now)) {
            return Ok(held.clone());
        }
        let result = self.issue_lease(&lease, leads.chain, duration, &Want::program()).await;
        let now = self.now_of(&lease.teller);
        // What was stopped or locked meanwhile stays so.
        self.unlocked()?;
        self.0.leases.find(&id)?;
        self.0.leases.change(&id, |lease| match &result {
            Ok(held) => {
                lease.held = Some(held.clone());
                lease.error = None;
                lease.renewal.succeeded();
            }
            Err(error) => {
                let holding = lease.valid(now).is_some();
                lease.error = Some(error.clone());
                lease.renewal.failed(error.clone(), now, holding);
            }
        });
        self.seal_soon();
        self.0.leases.changed.notify_one();
        result
    }

    /// Those to renew now. One that waits for its turn already is not among them.
    fn leases_due(&self) -> Vec<String> {
        let queued = self.0.leases.queued().clone();
        let due =
            |lease: &&Lease| lease.decide(self.now_of(&lease.teller)) == Decision::Ask && !queued.contains(&lease.id) && !self.0.leases.flights.has(&lease.id);
        self.0.leases.map().values().filter(due).map(|lease| lease.id.clone()).collect()
    }

    /// Forgets those of some profiles, also what is under way: how many.
    pub(in crate::agent) fn forget_leases_of(&self, of: impl Fn(&ProfileName) -> bool) -> usize {
        let gone: Vec<Lease> = {
            let mut map = self.0.leases.map();
            self.0.leases.forgotten.fetch_add(1, Ordering::SeqCst);
            let ids: Vec<_> = map.values().filter(|lease| of(&lease.request.profile)).map(|lease| lease.id.clone()).collect();
            ids.iter().filter_map(|id| map.remove(id)).collect()
        };
        for lease in &gone {
            self.note(&lease.request.profile, &Asker::stagedoor(), &format!("lease {}", lease.name()), "stopped");
        }
        gone.len()
    }

    /// Takes those that are over off the list.
    fn end_leases(&self) {
        let over: Vec<Lease> = {
            let mut map = self.0.leases.map();
            let ids: Vec<_> = map.values().filter(|lease| lease.over(self.now_of(&lease.teller))).map(|lease| lease.id.clone()).collect();
            ids.iter().filter_map(|id| map.remove(id)).collect()
        };
        if over.is_empty() {
            return;
        }
        for lease in over {
            self.note(&lease.request.profile, &Asker::stagedoor(), &format!("lease {}", lease.name()), "ended");
        }
        self.seal_soon();
        self.0.touched.notify_one();
    }

    /// How long nothing happens.
    fn next_lease_look(&self) -> Duration {
        let map = self.0.leases.map();
        let waits = map.values().flat_map(|lease| {
            let (held, now) = (lease.held.as_ref(), self.now_of(&lease.teller));
            [Some(lease.ends), held.map(Held::due), held.map(|held| held.credentials.expiration)].map(|at| at.map(|at| at - now))
        });
        waits.flatten().filter(|wait| wait.is_positive()).min().map_or(LOOK, |wait| wait.min(LOOK))
    }
}
