//! Leases: narrowed sessions for named programs, each with an end of its own.
//!
//! A lease is not the profile's session: it has its own credentials, its own renewal and its own place in the sealed file, and is
//! never handed out as the profile. What it is made with is in `issuing`, how it lasts in `lasting`, what survives a restart in
//! `kept`. The MFA session is the one that all roles behind the same key share.

mod issuing;
mod kept;
mod lasting;
mod sealed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

pub(super) use self::{
    issuing::federated_name,
    kept::{ReadLease, WrittenLease},
    lasting::lasting,
};
use super::{
    Agent, Asker,
    activity::How,
    asker::Who,
    flights::Flights,
    issuing::Want,
    leads::Leads,
    renewal::{Held, Renewal},
};
use crate::{
    aws::Teller,
    deliver::{self, Handed},
    error::{Code, Error, Result},
    issue::partition_of,
    model::{
        arn::Partition,
        lease::{LeaseRequest, LeaseView, Narrowing},
        lease_policy::SessionPolicy,
        mfa::MfaCode,
        params::SessionDuration,
        profile::ProfileName,
        prompt::Gives,
        secret::Secret,
    },
};

/// Credentials that end this close to the lease's end are its last ones.
const NEAR: Duration = Duration::minutes(1);

/// All leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    map: Mutex<BTreeMap<String, Lease>>,
    /// How often all were forgotten; counted while `map` is held, so that nothing lands between the look and the insert.
    forgotten: AtomicU64,
    /// Names of those that are being made.
    coming: Mutex<BTreeSet<String>>,
    /// Which are being renewed or wait for their turn.
    queued: Mutex<BTreeSet<String>>,
    flights: Flights<String, Held>,
    /// Which were sealed when it was locked; nobody knows after a restart.
    sealed: Mutex<Option<Vec<sealed::Sealed>>>,
    /// One came, went or got new credentials.
    changed: Notify,
}

/// One lease.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    id: String,
    request: LeaseRequest,
    session_policy: SessionPolicy,
    /// The chain that it was made for; another chain is not what was leased.
    mark: String,
    /// Whose clock its times are counted by.
    teller: Teller,
    asked_by: String,
    /// Who was allowed to have it, where its profile asks; nobody after a restart.
    allowed: Option<Who>,
    began: OffsetDateTime,
    ends: OffsetDateTime,
    held: Option<Held>,
    renewal: Renewal,
    error: Option<Error>,
    /// The expiration of which a person was told that the renewal before it failed.
    told_failure: Option<OffsetDateTime>,
    handed: u32,
}

/// A name that is taken while its lease is made.
struct Coming<'a>(&'a Leases, String);

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.coming().remove(&self.1);
    }
}

impl Leases {
    fn map(&self) -> MutexGuard<'_, BTreeMap<String, Lease>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn coming(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queued(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a name for a lease that is being made; an error where there is such a one already, or soon.
    fn take_name(&self, name: &str) -> Result<Coming<'_>> {
        let mut coming = self.coming();
        if self.find(name).is_ok() || !coming.insert(name.to_owned()) {
            return Err(Error::new(
                Code::InvalidValue,
                format!("There is a lease “{name}” already"),
                format!("Choose another name, or stop that one: stagedoor lease stop {name}"),
            ));
        }
        Ok(Coming(self, name.to_owned()))
    }

    /// Puts a lease on the list, unless all were forgotten since `forgotten` was read.
    fn land(&self, lease: Lease, forgotten: u64) -> Result<()> {
        let mut map = self.map();
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            return Err(Error::new(Code::Agent, "All leases were stopped meanwhile", "Ask for the lease again"));
        }
        map.insert(lease.id.clone(), lease);
        Ok(())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.map().is_empty()
    }

    /// Whether AWS is being asked for one.
    pub(super) fn any_flight(&self) -> bool {
        self.flights.any()
    }

    fn find(&self, lease: &str) -> Result<Lease> {
        let map = self.map();
        let found = map.get(lease).or_else(|| map.values().find(|other| other.name() == lease));
        found.cloned().ok_or_else(|| no_lease(lease))
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.map().get_mut(id) {
            change(lease);
        }
    }
}

impl Lease {
    fn name(&self) -> &str {
        self.request.name.as_deref().unwrap_or(&self.id)
    }

    fn valid(&self, now: OffsetDateTime) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < self.ends && !held.credentials.expired(now))
    }

    /// How long the next credentials would be asked for; `None`: AWS gives none that short, or those of now are the last.
    fn asks(&self, now: OffsetDateTime) -> Option<SessionDuration> {
        if self.held.as_ref().is_some_and(|held| self.ends - held.credentials.expiration < NEAR) {
            return None;
        }
        u32::try_from((self.ends - now).whole_seconds()).ok().and_then(|seconds| SessionDuration::from_seconds(seconds).ok())
    }

    /// Nothing will come of it any more.
    fn over(&self, now: OffsetDateTime) -> bool {
        now >= self.ends || (self.valid(now).is_none() && self.asks(now).is_none())
    }

    fn view(&self, now: OffsetDateTime) -> LeaseView {
        let held = self.valid(now);
        LeaseView {
            id: self.id.clone(),
            name: self.name().to_owned(),
            profile: self.request.profile.clone(),
            program: self.request.program.clone(),
            asked_by: self.asked_by.clone(),
            narrowing: self.request.narrowing.clone(),
            policy: self.session_policy.policy.clone(),
            policy_arns: self.session_policy.arns.clone(),
            tags: self.request.tags.clone(),
            source_identity: self.request.source_identity.clone(),
            began: self.began,
            ends: self.ends,
            expiration: held.map(|held| held.credentials.expiration.min(self.ends)),
            access_key_id: held.map(|held| held.credentials.access_key_id.clone()),
            arn: held.and_then(|held| held.credentials.arn.clone()),
            handed: self.handed,
            error: self.error.clone(),
        }
    }
}

impl Agent {
    /// The session policy that a narrowing means for a profile, without any call.
    pub fn lease_policy(&self, profile: &ProfileName, narrowing: &Narrowing) -> Result<SessionPolicy> {
        let files = self.files()?;
        let chain = files.resolve(profile)?;
        let region = self.0.aws.region(&files, profile.as_str(), Partition::Aws)?;
        let partition = chain.hops.last().map_or_else(|| partition_of(Some(&region)), |hop| hop.role_arn.partition());
        narrowing.session_policy(partition)
    }

    /// Makes a lease. Fails with `mfa_code_required` when a person must give a code for the profile's MFA session.
    pub async fn lease(&self, request: LeaseRequest, code: Option<MfaCode>, asker: &Asker) -> Result<LeaseView> {
        let began = Instant::now();
        let profile = request.profile.clone();
        let result = self.make_lease(request, code, asker).await;
        match &result {
            Ok(view) => {
                let how = format!("{}, from AWS, {} ms", view.narrowing.words(), began.elapsed().as_millis());
                self.note(&profile, asker, &format!("lease {}", view.name), how.as_str());
            }
            Err(error) if error.code == Code::MfaCodeRequired => {}
            Err(error) => self.note(&profile, asker, "lease", How::Refused(error, began)),
        }
        self.publish();
        result
    }

    async fn make_lease(&self, request: LeaseRequest, code: Option<MfaCode>, asker: &Asker) -> Result<LeaseView> {
        self.unlocked()?;
        request.check()?;
        let files = self.files()?;
        let leads = Leads::of(&files, &request.profile)?;
        let teller = self.0.aws.teller(&files, request.profile.as_str());
        let session_policy = self.lease_policy(&request.profile, &request.narrowing)?;
        issuing::check(&leads.chain, &request, &session_policy)?;
        self.allowed(&leads, "lease", Gives::Lease, asker, self.arrival()).await?;
        self.unseal_late().await;
        let _coming = request.name.as_deref().map(|name| self.0.leases.take_name(name)).transpose()?;
        let forgotten = self.0.leases.forgotten.load(Ordering::SeqCst);
        let now = self.now_of(&teller);
        let mut lease = Lease {
            id: new_id()?,
            mark: leads.mark,
            teller,
            session_policy,
            asked_by: asker.name.clone(),
            // Where nobody was asked nobody said yes: a profile that is set to ask later asks for this lease too.
            allowed: leads.chain.asks.then(|| asker.who()),
            began: now,
            ends: now + Duration::seconds(request.duration.seconds().into()),
            held: None,
            renewal: Renewal::default(),
            error: None,
            told_failure: None,
            handed: 0,
            request,
        };
        let want = Want { code, ..Want::person() };
        let held = self.issue_lease(&lease, leads.chain, lease.request.duration, &want).await?;
        // What was asked for the whole time ends when AWS says so: to the second, and by its clock.
        if (held.credentials.expiration - lease.ends).abs() < NEAR {
            lease.ends = held.credentials.expiration;
        }
        lease.held = Some(held);
        self.unlocked()?;
        let view = lease.view(self.now_of(&lease.teller));
        self.0.leases.land(lease, forgotten)?;
        self.0.leases.changed.notify_one();
        self.seal_soon();
        Ok(view)
    }

    /// The credentials of a lease, by its ID or its name. Never beyond its end.
    async fn leased(&self, lease: &str, what: &str, asker: &Asker) -> Result<Handed> {
        self.unlocked()?;
        let began = Instant::now();
        self.unseal_late().await;
        let found = self.0.leases.find(lease)?;
        let profile = found.request.profile.clone();
        let noted = format!("lease {}, {what}", found.name());
        let before = found.held.as_ref().map(|held| held.credentials.access_key_id.clone());
        let refused = |error: &Error| self.note(&profile, asker, &noted, How::Refused(error, began));
        let who = asker.who();
        if who == Who::Nobody || found.allowed.as_ref() != Some(&who) {
            // Another program than the one that it was made for, or one that nobody allowed anything.
            let leads = Leads::of(&*self.files()?, &profile).inspect_err(refused)?;
            self.allowed(&leads, "lease", Gives::Lease, asker, self.arrival()).await.inspect_err(refused)?;
        }
        let held = self.ensure_lease(&found.id).await.and_then(|held| self.unlocked().map(|()| held)).inspect_err(refused)?;
        self.0.leases.change(&found.id, |lease| lease.handed = lease.handed.saturating_add(1));
        let id = &held.credentials.access_key_id;
        self.note(&profile, asker, &noted, How::Given(id, before.as_ref() == Some(id), began));
        self.0.touched.notify_one();
        let files = self.files()?;
        let own = |key: &str| files.profile(&profile).and_then(|found| found.get(key)).map(str::to_owned);
        let mut handed = Handed::temporary(&held.credentials, own("region"), own("endpoint_url"));
        handed.expiration = handed.expiration.min(found.ends);
        Ok(handed)
    }

    /// What a child process gets of a lease.
    pub async fn lease_for_child(&self, lease: &str, asker: &Asker) -> Result<Handed> {
        self.leased(lease, "exec", asker).await
    }

    /// The document for `credential_process` of a lease.
    pub async fn lease_document(&self, lease: &str, asker: &Asker) -> Result<Secret> {
        self.leased(lease, "credential_process", asker).await.map(|handed| deliver::process(&handed))
    }

    /// The leases that run, the one that ends first in front.
    pub fn leases(&self) -> Vec<LeaseView> {
        let view = |lease: &Lease| {
            let now = self.now_of(&lease.teller);
            (!lease.over(now)).then(|| lease.view(now))
        };
        let mut views: Vec<_> = self.0.leases.map().values().filter_map(view).collect();
        views.sort_by(|a, b| (a.ends, &a.id).cmp(&(b.ends, &b.id)));
        views
    }

    /// Forgets a lease, by its ID or its name. What was handed out lives at AWS until it ends.
    pub async fn stop_lease(&self, lease: &str, asker: &Asker) -> Result<()> {
        // Nobody locks or unlocks meanwhile: the lease is in memory or sealed, and stays there until it is stopped.
        let _turn = self.0.locking.turn.lock().await;
        if self.locked() {
            return self.stop_sealed(Some(lease), asker).await;
        }
        self.unseal_late().await;
        let found = self.0.leases.find(lease)?;
        self.0.leases.map().remove(&found.id);
        self.note(&found.request.profile, asker, &format!("lease {}", found.name()), "stopped");
        self.publish();
        self.seal().await
    }

    /// Forgets all leases.
    pub async fn stop_leases(&self, asker: &Asker) -> Result<()> {
        let _turn = self.0.locking.turn.lock().await;
        if self.locked() {
            return self.stop_sealed(None, asker).await;
        }
        self.unseal_late().await;
        for lease in self.forget_leases() {
            self.note(&lease.request.profile, asker, &format!("lease {}", lease.name()), "stopped");
        }
        self.publish();
        self.seal().await
    }

    /// Takes all off the list; what is under way does not land any more.
    pub(super) fn forget_leases(&self) -> Vec<Lease> {
        let mut map = self.0.leases.map();
        self.0.leases.forgotten.fetch_add(1, Ordering::SeqCst);
        std::mem::take(&mut *map).into_values().collect()
    }
}

fn no_lease(lease: &str) -> Error {
    Error::new(
        Code::NoCredentials,
        format!("There is no lease “{}”: it was stopped, or it has ended", lease.escape_debug()),
        "See those that run: stagedoor lease list",
    )
}

/// Eight hexadecimal digits.
fn new_id() -> Result<String> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).map_err(|error| Error::new(Code::Agent, format!("The system gives no random numbers: {error}"), "Try again"))?;
    Ok(bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}
