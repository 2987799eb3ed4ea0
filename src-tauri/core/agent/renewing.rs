//! Renewal beside requests: what is due is renewed without anybody, spread over seconds, and never all at once.
//!
//! Time is AWS's, looked at every two seconds at least, so that a wake from sleep is noticed. Where a way to AWS is down one session
//! looks for it every three seconds; when it is back the others follow within two.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Agent,
    issuing::Want,
    leads::Leads,
    renewal::{Decision, Held},
    state::{Session, WARN_BEFORE},
    turns::part_of,
};
use crate::{
    error::{Code, Error, Result},
    model::{profile::ProfileName, snapshot::Event},
};
use time::{Duration, OffsetDateTime};

/// The renewal looks at least this often.
const LOOK: Duration = Duration::seconds(30);

/// So many go at once; more are spread.
const AT_ONCE: usize = 3;

/// What has expired is renewed within this time, because somebody may wait for it.
const SPREAD_OVER: Duration = Duration::seconds(1);

/// What still holds is renewed within this time.
const SPREAD: Duration = Duration::seconds(10);

/// Who is being renewed or waits for their turn.
type Queue = Arc<Mutex<BTreeSet<ProfileName>>>;

fn queue(queue: &Queue) -> MutexGuard<'_, BTreeSet<ProfileName>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One that is due.
struct Due {
    profile: ProfileName,
    /// How long its credentials hold.
    left: Duration,
    last_failure: Option<OffsetDateTime>,
}

impl Agent {
    /// Renews what is due, until the agent ends.
    pub(super) async fn keep_renewing(&self) {
        let queued = Queue::default();
        loop {
            let now = self.now();
            for event in self.endings() {
                self.tell(event);
            }
            if self.state().sweep(|teller| self.0.aws.clock.earliest_of(teller)) {
                self.0.touched.notify_one();
            }
            let waiting = queue(&queued).clone();
            for (profile, at) in self.spread(self.due(now, &waiting), now) {
                queue(&queued).insert(profile.clone());
                let (agent, queued) = (self.clone(), Arc::clone(&queued));
                tokio::spawn(async move {
                    agent.0.aws.clock.sleep_until(at).await;
                    let permit = agent.0.renewals.acquire().await;
                    agent.renew(&profile).await;
                    drop(permit);
                    queue(&queued).remove(&profile);
                });
            }
            let next = self.next_look(now);
            tokio::select! {
                () = self.0.aws.clock.sleep_until(next) => {}
                () = self.0.due.notified() => {}
            }
        }
    }

    /// Looks at once for what is due, and forgets earlier failures: the computer was unlocked, or the network changed.
    pub(super) fn renew_what_is_due_soon(&self) {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).forget();
        self.forgive_the_line();
        self.0.due.notify_one();
    }

    /// What failed only because nobody could be reached need not wait any more.
    fn forgive_the_line(&self) {
        let passing = |error: &Error| matches!(error.code, Code::AwsUnreachable | Code::KeychainLocked | Code::KeychainAbsent);
        for session in self.state().sessions.values_mut() {
            if session.renewal.last().is_some_and(passing) {
                session.renewal.forgive();
            }
        }
    }

    /// Writes down whether the way to AWS is up, by what came of a flight.
    pub(super) fn line_said<T>(&self, way: &str, result: &Result<T>) {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let up = match result.as_ref().map_err(|error| error.code) {
            Err(Code::AwsUnreachable) => {
                lines.fell(way, self.now());
                return;
            }
            Ok(_) | Err(Code::AwsBusy | Code::AwsRefused | Code::AccessKeyRefused | Code::MfaCodeRefused | Code::ClockWrong) => lines.rose(way),
            Err(_) => false,
        };
        drop(lines);
        if up {
            self.forgive_the_line();
        }
    }

    /// Sessions that should be renewed now and can be without a person; the most urgent first.
    fn due(&self, now: OffsetDateTime, queued: &BTreeSet<ProfileName>) -> Vec<Due> {
        let due = |(profile, session): (&ProfileName, &Session)| {
            let (held, now) = (session.held.as_ref()?, self.now_of(&session.teller));
            let alone = session.person_from.is_none_or(|from| now < from);
            (alone
                && now >= held.due()
                && session.renewal.decide(Some(held), now) == Decision::Ask
                && !session.renewal.rests(now)
                && !queued.contains(profile)
                && !self.0.flights.has(&(profile.clone(), session.mark.clone())))
            .then(|| {
                let due = Due { profile: profile.clone(), left: held.credentials.expiration - now, last_failure: session.renewal.failed_at() };
                (due, session.mark.clone())
            })
        };
        let due: Vec<_> = self.state().sessions.iter().filter_map(due).collect();
        let Ok(files) = self.files() else { return Vec::new() };
        // A profile that leads elsewhere by now is not renewed: it is another session, which somebody starts.
        let current = |(due, of): (Due, String)| {
            let leads = Leads::of(&files, &due.profile).ok().filter(|leads| leads.mark == of)?;
            Some((leads.way(), due))
        };
        let mut due: Vec<_> = due.into_iter().filter_map(current).collect();
        // Who failed last looks last at a way that is down, so that everybody's turn comes.
        due.sort_by_key(|(_, due)| (due.last_failure, due.left));
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).admit(due, now)
    }

    /// When each begins: a few at once, many over seconds.
    fn spread(&self, due: Vec<Due>, now: OffsetDateTime) -> Vec<(ProfileName, OffsetDateTime)> {
        let many = due.len() > AT_ONCE;
        let seed = self.state().seed();
        let begins = |due: Due| {
            let left = due.left;
            let over = if left.is_positive() { SPREAD.min(left / 4) } else { SPREAD_OVER };
            let wait = if many { part_of(over, seed, due.profile.as_str(), 0) } else { Duration::ZERO };
            (due.profile, now + wait)
        };
        due.into_iter().map(begins).collect()
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
    fn endings(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (profile, session) in &mut self.state().sessions {
            let Some(expiration) = session.held.as_ref().map(|held| held.credentials.expiration) else { continue };
            let now = self.now_of(&session.teller);
            let bound = session.person_from.zip(session.held.as_ref()).is_some_and(|(from, held)| from <= held.due().max(now));
            if bound && session.told_ending != Some(expiration) && now < expiration && expiration - now <= WARN_BEFORE {
                session.told_ending = Some(expiration);
                events.push(Event::SessionEnding { profile: profile.clone(), expiration });
            }
        }
        events
    }

    fn next_look(&self, now: OffsetDateTime) -> OffsetDateTime {
        let of_held = |held: &Held| {
            let end = held.credentials.expiration;
            [held.due(), end - WARN_BEFORE, end]
        };
        let line = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).next_look();
        let state = self.state();
        let held = state.sessions.values().filter_map(|session| session.held.as_ref().map(|held| (session, held, self.now_of(&session.teller))));
        let waits = held.flat_map(|(session, held, now)| of_held(held).into_iter().chain(session.renewal.waits_until()).map(move |at| at - now));
        let wait = waits.chain(line.map(|at| at - now)).filter(|wait| wait.is_positive()).min();
        now + wait.map_or(LOOK, |wait| wait.min(LOOK))
    }
}
