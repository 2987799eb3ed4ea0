//! All that the agent remembers, and the transitions between: pure, with the time as an argument.
//!
//! Nothing here calls, sleeps or locks. What a person sees of it is made in `view`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::{Duration, OffsetDateTime};

use super::{
    renewal::{Decision, Held, Renewal},
    turns::part_of,
};
use crate::{
    aws::{Teller, may_recover},
    error::{Code, Error},
    model::{
        access_key::AccessKeyId,
        activity::ActivityView,
        mfa::{MfaCode, TotpSeed},
        params::MfaSerial,
        profile::ProfileName,
        snapshot::SessionState,
    },
};

/// A person is told this long before an MFA-bound session ends.
pub(super) const WARN_BEFORE: Duration = Duration::minutes(10);

/// How many lines of activity a profile keeps.
const ACTIVITY: usize = 20;

/// A typed code is remembered this long: AWS accepts one for a step before and after its own.
const CODE_REMEMBERED: Duration = Duration::seconds(150);

/// A person is told at most this often that programs wait for the same profile.
const ASK_AGAIN_AFTER: Duration = Duration::seconds(30);

/// A code can be used this many steps before or after its own, at most.
const STEPS_AROUND: i64 = 2;

/// Whose GetSessionToken: one session serves every role behind the same key and device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) key: AccessKeyId,
    pub(super) mfa_serial: Option<String>,
    /// The endpoints it was asked at: what one AWS gave is nothing to another.
    pub(super) place: String,
    /// Whose clock its end is counted by.
    pub(super) teller: Teller,
}

/// One profile's session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// What it was issued for; another chain is another session.
    pub(super) mark: String,
    /// Whose clock its times are counted by.
    pub(super) teller: Teller,
    pub(super) held: Option<Held>,
    pub(super) renewal: Renewal,
    pub(super) error: Option<Error>,
    pub(super) delivered: BTreeSet<String>,
    /// From when a person's code is needed for a renewal; `None`: never.
    pub(super) person_from: Option<OffsetDateTime>,
    /// The expiration of which a person was told that it comes.
    pub(super) told_ending: Option<OffsetDateTime>,
    /// The expiration of which a person was told that the renewal before it failed.
    pub(super) told_failure: Option<OffsetDateTime>,
}

/// The codes of one device that were used.
#[derive(Clone, Debug, Default)]
struct Used {
    step: i64,
    codes: Vec<(MfaCode, OffsetDateTime)>,
}

impl Used {
    fn forget(&mut self, now: OffsetDateTime) {
        self.codes.retain(|(_, at)| now - *at < CODE_REMEMBERED);
    }

    /// Whether the last used step is this one or so little later that it may still be the same code.
    fn holds(&self, step: i64) -> bool {
        step <= self.step && self.step - step <= STEPS_AROUND
    }

    /// A last step that is far ahead comes from a clock that was wrong: nobody waits for hours because of that.
    fn reach(&mut self, step: i64) {
        if !self.holds(step) {
            self.step = step;
        }
    }
}

/// What an MFA device can give now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextCode {
    /// This code, which is hereby used.
    Code(MfaCode),
    /// The seed's current code was used: wait until then.
    Wait(OffsetDateTime),
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sessions: BTreeMap<ProfileName, Session>,
    pub(super) sources: BTreeMap<Source, Held>,
    used: BTreeMap<String, Used>,
    pub(super) activity: BTreeMap<ProfileName, VecDeque<ActivityView>>,
    /// When a person was last told that a program waits for a profile.
    asked: BTreeMap<ProfileName, OffsetDateTime>,
    /// How often each profile was stopped, and all at once.
    stops: (BTreeMap<ProfileName, u64>, u64),
    /// Grows when everything was put away, by more than all stops before it.
    put_away: u64,
    /// What makes waits differ from those of other agents.
    seed: u64,
}

impl State {
    /// Empty.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// What makes waits differ from those of other agents.
    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// What to do with a request for a profile whose chain has this mark.
    pub(super) fn decide(&self, profile: &ProfileName, mark: &str, now: OffsetDateTime) -> Decision {
        match self.sessions.get(profile).filter(|session| session.mark == mark) {
            Some(session) => session.renewal.decide(session.held.as_ref(), now),
            None => Decision::Ask,
        }
    }

    /// When a request for a profile that is told no now is worth another try.
    pub(super) fn next_try(&self, profile: &ProfileName, mark: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.sessions.get(profile).filter(|session| session.mark == mark)?.renewal.next_try(now)
    }

    /// Credentials that may be handed out now: those of this chain that have not expired.
    pub(super) fn valid(&self, profile: &ProfileName, mark: &str, now: OffsetDateTime) -> Option<&Held> {
        let session = self.sessions.get(profile).filter(|session| session.mark == mark)?;
        session.held.as_ref().filter(|held| !held.credentials.expired(now))
    }

    /// AWS gave credentials.
    pub(super) fn issued(&mut self, profile: &ProfileName, (mark, teller): (&str, &Teller), held: Held, person_from: Option<OffsetDateTime>) {
        let session = self.session(profile, mark, teller);
        session.held = Some(held);
        session.error = None;
        session.person_from = person_from;
        session.renewal.succeeded();
    }

    /// The session of this chain, or an empty one in place of another chain's.
    fn session(&mut self, profile: &ProfileName, mark: &str, teller: &Teller) -> &mut Session {
        let session = self.sessions.entry(profile.clone()).or_default();
        if session.mark != mark || session.teller != *teller {
            *session = Session { mark: mark.to_owned(), teller: teller.clone(), ..Session::default() };
        }
        session
    }

    /// Counts the stops of a profile: what began before the last one must not bring it back.
    pub(super) fn stops(&self, profile: &ProfileName) -> u64 {
        self.stops.0.get(profile).copied().unwrap_or(0) + self.stops.1 + self.put_away
    }

    /// Whether a profile was stopped since the start, or since everything was put away: what was sealed before must not bring it back.
    pub(super) fn stopped(&self, profile: &ProfileName) -> bool {
        self.stops.1 > 0 || self.stops.0.contains_key(profile)
    }

    /// Counts the stops of everything.
    pub(super) const fn stops_of_all(&self) -> u64 {
        self.stops.1 + self.put_away
    }

    /// Whether everything was stopped since the start, or since it was put away.
    pub(super) const fn stopped_all(&self) -> bool {
        self.stops.1 > 0
    }

    /// Forgets a session. For profiles that exist: each that is named here is remembered.
    pub(super) fn stop(&mut self, profile: &ProfileName) {
        *self.stops.0.entry(profile.clone()).or_default() += 1;
        self.sessions.remove(profile);
    }

    /// Forgets everything that AWS gave.
    pub(super) fn stop_all(&mut self) {
        self.stops.1 += 1;
        self.sessions.clear();
        self.sources.clear();
    }

    /// Forgets everything that AWS gave, which was sealed before. What is under way must not bring it back; what was sealed may.
    /// `sealed`: it was; else a stop still counts.
    pub(super) fn put_away(&mut self, sealed: bool) {
        self.put_away += 1;
        self.sessions.clear();
        self.sources.clear();
        if sealed {
            let (each, all) = std::mem::take(&mut self.stops);
            self.put_away += all + each.into_values().max().unwrap_or(0);
        }
    }

    /// AWS gave none. Without anything to show for it a profile that only waits for a person keeps no trace.
    /// `typed`: a person had typed a code for it.
    pub(super) fn failed(&mut self, profile: &ProfileName, (mark, teller): (&str, &Teller), error: &Error, now: OffsetDateTime, typed: bool) {
        let person = matches!(error.code, Code::MfaCodeRequired | Code::MfaCodeRefused | Code::InvalidValue);
        let known = self.sessions.get(profile).is_some_and(|session| session.mark == mark);
        if person && !known {
            return;
        }
        let seed = self.seed;
        let session = self.session(profile, mark, teller);
        let holding = session.held.as_ref().is_some_and(|held| !held.credentials.expired(now));
        if !holding && !may_recover(error) {
            session.held = None;
        }
        let waits = error.code == Code::MfaCodeRequired;
        if !(waits && holding) {
            session.error = Some(error.clone());
        }
        // A code that was refused concerns the one who typed it, not the tools that come next; and who only needs a code must
        // not be told so from memory, because somebody may have given it for another role.
        if !(person && typed || waits && !holding) {
            session.renewal.failed_with(error.clone(), now, holding, |wait, count| part_of(wait, seed, profile.as_str(), count));
            if let Some(left) = session.held.as_ref().map(|held| held.credentials.expiration - now).filter(|_| holding) {
                session.renewal.wait_no_longer_than(left / 4, now);
            }
        }
    }

    /// How a session stands.
    pub(super) fn stands(session: &Session, now: OffsetDateTime) -> SessionState {
        if session.held.as_ref().is_some_and(|held| !held.credentials.expired(now)) { SessionState::Active } else { SessionState::Failed }
    }

    /// The GetSessionToken session of a source, if it holds for at least `left` more.
    pub(super) fn source(&self, source: &Source, now: OffsetDateTime, left: Duration) -> Option<&Held> {
        self.sources.get(source).filter(|held| held.credentials.expiration - now > left)
    }

    /// Uses a typed code, or refuses it because it was used.
    pub(super) fn use_typed(&mut self, serial: &MfaSerial, code: MfaCode, now: OffsetDateTime) -> Result<MfaCode, Error> {
        let used = self.used.entry(serial.as_str().to_owned()).or_default();
        used.forget(now);
        if used.codes.iter().any(|(old, _)| *old == code) {
            return Err(Error {
                mfa_serial: Some(serial.as_str().to_owned()),
                ..Error::new(
                    Code::MfaCodeRefused,
                    format!("That code of {} was used already", serial.as_str()),
                    "A code works once: wait until the device shows the next one",
                )
            });
        }
        used.codes.push((code.clone(), now));
        used.reach(TotpSeed::step(now));
        Ok(code)
    }

    /// The next unused code of a stored seed.
    pub(super) fn use_seed(&mut self, serial: &MfaSerial, seed: &TotpSeed, now: OffsetDateTime) -> NextCode {
        let used = self.used.entry(serial.as_str().to_owned()).or_default();
        used.forget(now);
        let step = TotpSeed::step(now);
        let code = seed.code(step);
        let held = used.holds(step);
        if held || used.codes.iter().any(|(old, _)| *old == code) {
            let next = (if held { used.step } else { step } + 1) * crate::model::mfa::STEP_SECONDS;
            return NextCode::Wait(OffsetDateTime::from_unix_timestamp(next).unwrap_or(now + Duration::seconds(30)));
        }
        used.reach(step);
        used.codes.push((code.clone(), now));
        NextCode::Code(code)
    }

    /// The last used step of each device, for sealing.
    pub(super) fn used_steps(&self) -> BTreeMap<String, i64> {
        self.used.iter().map(|(serial, used)| (serial.clone(), used.step)).collect()
    }

    /// Takes the used steps of an earlier run over.
    pub(super) fn remember_steps(&mut self, steps: BTreeMap<String, i64>) {
        for (serial, step) in steps {
            let used = self.used.entry(serial).or_default();
            used.step = used.step.max(step);
        }
    }

    /// Writes a line into a profile's activity.
    pub(super) fn note(&mut self, profile: &ProfileName, line: ActivityView) {
        let lines = self.activity.entry(profile.clone()).or_default();
        lines.push_front(line);
        lines.truncate(ACTIVITY);
    }

    /// Whether a person should be told that a program waits for them: once in a while, however many programs ask.
    pub(super) fn ask_a_person(&mut self, profile: &ProfileName, now: OffsetDateTime) -> bool {
        let recently = self.asked.get(profile).is_some_and(|at| *at <= now && now - *at < ASK_AGAIN_AFTER);
        if !recently {
            self.asked.insert(profile.clone(), now);
        }
        !recently
    }

    /// Drops what has expired by its own clock: sessions that nobody renewed, and sources.
    pub(super) fn sweep(&mut self, now_of: impl Fn(&Teller) -> OffsetDateTime) -> bool {
        let before = self.sources.len();
        self.sources.retain(|source, held| !held.credentials.expired(now_of(&source.teller)));
        let mut changed = self.sources.len() != before;
        for session in self.sessions.values_mut() {
            let now = now_of(&session.teller);
            // One that needs nobody is renewed as soon as AWS can be reached again.
            let alone = session.person_from.is_none_or(|from| now < from) && session.error.as_ref().is_none_or(may_recover);
            if !alone && session.held.as_ref().is_some_and(|held| held.credentials.expired(now)) {
                session.held = None;
                session.error.get_or_insert_with(|| Error::new(Code::AwsRefused, "The session has ended", "Start the profile again"));
                changed = true;
            }
        }
        changed
    }
}
